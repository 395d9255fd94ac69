/* SPDX-License-Identifier: MIT
 * What a training was like, epoch by epoch: as text in the checkpoint, as CSV files and as curves. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train.h"

#define COLUMNS 8
static const char *const heading =
    "epoch,train_loss,train_score,test_loss,test_score,rate,gradient_norm,seconds,images_per_second";

void history_add(struct history *h, const struct epoch_record *r, const float *norms)
{
    h->epochs = tool_grow(h->epochs, h->count + 1u, sizeof *h->epochs);
    h->norms = tool_grow(h->norms, (h->count + 1ull) * h->weights + 1, sizeof *h->norms);
    h->epochs[h->count] = *r;
    if (h->weights)
        memcpy(h->norms + (size_t)h->count * h->weights, norms, h->weights * sizeof *norms);
    h->count++;
}

void history_free(struct history *h)
{
    free(h->epochs);
    free(h->norms);
    *h = (struct history){0};
}

/* ---- text --------------------------------------------------------------------------------------------------------------------
 */

static char *finish_text(FILE *f, char **text)
{
    if (!f || fclose(f) != 0 || !*text)
        exit(tool_fail(TOOL_FAILED, "no memory for the history"));
    return *text;
}

char *history_text(const struct history *h)
{
    char *text = NULL;
    size_t bytes;
    FILE *f = open_memstream(&text, &bytes);
    if (f)
        fprintf(f, "%s\n", heading);
    for (uint32_t i = 0; f && i < h->count; i++) {
        const struct epoch_record *r = &h->epochs[i];
        fprintf(f, "%u,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.3f,%.1f\n", i + 1, r->train_loss, r->train_score, r->test_loss,
                r->test_score, r->rate, r->gradient_norm, r->seconds, r->images_per_second);
    }
    return finish_text(f, &text);
}

void csv_put(FILE *f, const char *name)
{
    fputc('"', f);
    for (; *name; name++)
        if (*name == '"')
            fputs("\"\"", f);
        else
            fputc((unsigned char)*name < ' ' ? ' ' : *name, f);
    fputc('"', f);
}

char *history_norms_text(const struct history *h, const struct cvk_trainer *t)
{
    char *text = NULL;
    size_t bytes;
    FILE *f = open_memstream(&text, &bytes);
    if (f)
        fputs("epoch", f);
    for (uint32_t k = 0; f && k < h->weights; k++) {
        fputc(',', f);
        csv_put(f, cvk_trainer_weight_name(t, k));
    }
    for (uint32_t i = 0; f && i < h->count; i++) {
        fprintf(f, "\n%u", i + 1);
        for (uint32_t k = 0; k < h->weights; k++)
            fprintf(f, ",%.6g", plain_nan((double)h->norms[(size_t)i * h->weights + k]));
    }
    if (f)
        fputc('\n', f);
    return finish_text(f, &text);
}

/* The numbers of a line behind its first; how many there were. */
static uint32_t read_numbers(const char *line, double *out, uint32_t most)
{
    uint32_t count = 0;
    char *end;
    strtod(line, &end);
    for (const char *at = end; *at == ',' && count < most; at = end)
        out[count++] = strtod(at + 1, &end);
    return count;
}

static const char *next_line(const char *text)
{
    const char *end = strchr(text, '\n');
    return end ? end + 1 : text + strlen(text);
}

bool history_read(struct history *h, const char *text, const char *norms_text)
{
    double v[COLUMNS], *norms = tool_alloc(h->weights + 1u, sizeof *norms);
    float *floats = tool_alloc(h->weights + 1u, sizeof *floats);
    bool good = true;
    const char *line = next_line(text), *norm_line = next_line(norms_text);
    for (; good && *line; line = next_line(line), norm_line = next_line(norm_line)) {
        good = read_numbers(line, v, COLUMNS) == COLUMNS && read_numbers(norm_line, norms, h->weights) == h->weights;
        const struct epoch_record r = {v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]};
        for (uint32_t k = 0; k < h->weights; k++)
            floats[k] = (float)norms[k];
        if (good)
            history_add(h, &r, floats);
    }
    free(norms);
    free(floats);
    return good;
}

/* ---- files
 * ----------------------------------------------------------------------------------------------------------------------- */

static int write_text(const char *folder, const char *name, char *text)
{
    char *path = tool_alloc(strlen(folder) + strlen(name) + 2, 1);
    sprintf(path, "%s/%s", folder, name);
    int code = tool_save(path, text);
    free(path);
    free(text);
    return code;
}

static int write_chart(const char *folder, const char *name, const struct chart *c)
{
    char *stem = tool_alloc(strlen(folder) + strlen(name) + 2, 1);
    sprintf(stem, "%s/%s", folder, name);
    int code = chart_write(c, stem);
    free(stem);
    return code;
}

static int write_curves(const struct history *h, const char *folder, bool accuracy)
{
    double *columns = tool_alloc(h->count * 4u + 1u, sizeof *columns);
    uint32_t n = h->count;
    for (uint32_t i = 0; i < n; i++) {
        const struct epoch_record *r = &h->epochs[i];
        const double values[4] = {r->train_loss, r->test_loss, r->train_score, r->test_score};
        for (uint32_t k = 0; k < 4; k++)
            columns[k * n + i] = values[k] * (accuracy && k > 1 ? 100 : 1);
    }
    const struct chart_line loss[] = {{"training", columns, n}, {"test", columns + n, n}};
    const struct chart_line score[] = {{"training", columns + 2 * n, n}, {"test", columns + 3 * n, n}};
    int code = write_chart(folder, "loss",
                           &(struct chart){.title = "Loss", .x_name = "epoch", .y_name = "loss", .lines = loss, .line_count = 2});
    if (code == TOOL_GO_ON)
        code = write_chart(folder, accuracy ? "accuracy" : "error",
                           &(struct chart){.title = accuracy ? "Accuracy" : "Error",
                                           .x_name = "epoch",
                                           .y_name = accuracy ? "per cent right" : "root mean square error",
                                           .lines = score,
                                           .line_count = 2});
    free(columns);
    return code;
}

/* One curve for each layer's weights (not its biases), the first layers first: where the gradient vanishes they lie below the
 * others. */
static int write_norms(const struct history *h, const struct cvk_trainer *t, const char *folder)
{
    enum { MOST = 12 };
    struct chart_line lines[MOST];
    uint32_t count = 0, weights = 0, index = 0;
    double *columns = tool_alloc((size_t)MOST * h->count + 1u, sizeof *columns);
    bool *is_weight = tool_alloc(h->weights + 1u, sizeof *is_weight);
    for (uint32_t k = 0; k < h->weights; k++) {
        for (uint32_t i = 0; i < cvk_trainer_state_count(t) && !is_weight[k]; i++)
            is_weight[k] =
                !strcmp(cvk_trainer_state_name(t, i), cvk_trainer_weight_name(t, k)) && cvk_trainer_state_desc(t, i)->rank > 1;
        weights += is_weight[k];
    }
    for (uint32_t k = 0; k < h->weights; k++) {
        /* Of many layers some, evenly. */
        bool chosen = is_weight[k] && (weights <= MOST || index * (MOST - 1) / (weights - 1) >= count);
        index += is_weight[k];
        if (!chosen || count == MOST)
            continue;
        double *y = columns + (size_t)count * h->count;
        for (uint32_t i = 0; i < h->count; i++)
            y[i] = (double)h->norms[(size_t)i * h->weights + k];
        lines[count++] = (struct chart_line){cvk_trainer_weight_name(t, k), y, h->count};
    }
    int code = write_chart(folder, "gradients",
                           &(struct chart){.title = "Norm of the gradient, layer by layer",
                                           .x_name = "epoch",
                                           .y_name = "norm",
                                           .lines = lines,
                                           .line_count = count,
                                           .logarithmic = true});
    free(columns);
    free(is_weight);
    return code;
}

int history_write(const struct history *h, const struct cvk_trainer *t, const char *folder, bool accuracy)
{
    int code = write_text(folder, "history.csv", history_text(h));
    if (code == TOOL_GO_ON)
        code = write_text(folder, "gradients.csv", history_norms_text(h, t));
    if (code == TOOL_GO_ON && h->count)
        code = write_curves(h, folder, accuracy);
    if (code == TOOL_GO_ON && h->count)
        code = write_norms(h, t, folder);
    return code;
}
