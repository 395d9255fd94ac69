/* SPDX-License-Identifier: MIT
 * The measured roof as a table and as JSON. */
#include "roof.h"

#include <math.h>

static const struct {
    const char *title, *key;
} memories[ROOF_MEMORIES] = {
    {"L2 read, GB/s", "l2_read_gb_per_s"},
    {"L3 read, GB/s", "l3_read_gb_per_s"},
    {"DRAM read, GB/s", "dram_read_gb_per_s"},
    {"DRAM triad, GB/s", "dram_triad_gb_per_s"},
};

/* What lies in the caches is not read from DRAM. */
static bool buffer_fits_caches(const struct roof *r)
{
    return r->buffer_bytes < 2 * r->l3_total_bytes;
}

void roof_print(const struct roof *r, const struct roof_rates *rates, uint32_t count)
{
    char align[32] = "l", safe[TOOL_TEXT], l2[28], l3[28], buffer[28];
    for (uint32_t i = 0; i < count && i < sizeof align - 2; i++)
        align[i + 1] = 'r', align[i + 2] = '\0';
    printf("%sroof%s of %s with %s\n", tool_colour(TOOL_BOLD), tool_colour(TOOL_PLAIN),
           r->cpu[0] ? tool_escape(r->cpu, safe, sizeof safe) : "this CPU", r->loops->isa);
    struct table *t = table_create(align);
    table_add(t, "threads");
    for (uint32_t i = 0; i < count; i++)
        table_add(t, "%u", rates[i].threads);
    table_add(t, "FMA, GFLOP/s");
    for (uint32_t i = 0; i < count; i++)
        table_add(t, "%.1f", rates[i].fma_gflops);
    for (uint32_t m = 0; m < ROOF_MEMORIES; m++) {
        table_add(t, "%s", memories[m].title);
        for (uint32_t i = 0; i < count; i++)
            if (rates[i].gb_per_s[m] > 0)
                table_add(t, "%.1f", rates[i].gb_per_s[m]);
            else
                table_add(t, "-");
    }
    table_print(t, stdout);
    table_destroy(t);
    printf("FMA on one thread:");
    for (uint32_t i = 0; i < r->isa_count; i++)
        printf("%s %s %.1f", i ? "," : "", r->isas[i].isa, r->isas[i].fma_gflops);
    printf(" GFLOP/s\nL2 %s, L3 %s, DRAM measured on %s; the triad a = b + s * c counts three arrays, as STREAM does\n",
           r->l2_bytes ? tool_bytes(r->l2_bytes, l2) : "unknown", r->l3_bytes ? tool_bytes(r->l3_bytes, l3) : "unknown",
           tool_bytes(r->buffer_bytes, buffer));
    if (buffer_fits_caches(r))
        printf("The caches of all cores hold much of that, so take DRAM's figures as too high.\n");
}

void roof_put_json(struct json *object, const struct roof *r, const struct roof_rates *rates, uint32_t count)
{
    json_text(object, "cpu", r->cpu[0] ? r->cpu : NULL);
    json_text(object, "isa", r->loops->isa);
    struct json *isas = json_object_in(object, "fma_gflops_by_isa");
    for (uint32_t i = 0; i < r->isa_count; i++)
        json_number(isas, r->isas[i].isa, r->isas[i].fma_gflops);
    json_count(object, "l2_bytes", r->l2_bytes);
    json_count(object, "l3_bytes", r->l3_bytes);
    json_count(object, "dram_buffer_bytes", r->buffer_bytes);
    json_bool(object, "dram_buffer_fits_caches", buffer_fits_caches(r));
    struct json *list = json_list_in(object, "rates");
    for (uint32_t i = 0; i < count; i++) {
        struct json *o = json_item(list);
        json_count(o, "threads", rates[i].threads);
        json_number(o, "fma_gflops", rates[i].fma_gflops);
        for (uint32_t m = 0; m < ROOF_MEMORIES; m++)
            json_number(o, memories[m].key, rates[i].gb_per_s[m] > 0 ? rates[i].gb_per_s[m] : (double)NAN);
    }
}
