/* SPDX-License-Identifier: MIT
 * Trains a digit classifier on the device that CONVOKE_DEVICE names: train_digits [DATA [OUT.onnx]] */
#include <convoke/convoke.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct cvk_context *ctx = NULL;
    struct cvk_graph *net = NULL, *trained = NULL;
    struct cvk_data *data = NULL;
    struct cvk_loader *loader = NULL;
    struct cvk_trainer *trainer = NULL;
    struct cvk_tensor *x, *classes;
    struct cvk_step_result result = {0};
    double sum = 0;

    /* A data set, a net, an optimiser. */
    if (cvk_context_create(NULL, &ctx) || cvk_data_open(argc > 1 ? argv[1] : "digits(count=4000)", "train", &data) ||
        cvk_graph_from_text("1x28x28: 8c5-relu-mp2-16c5-relu-mp2-64n-relu-10n-softmax", 1, &net))
        return fprintf(stderr, "%s\n", cvk_error_text()), 1;
    const struct cvk_trainer_params how = {
        .batch = 50, .learning_rate = 0.002f, .optimizer = cvk_optimizer_defaults(CVK_ADAM)};
    if (cvk_trainer_create(ctx, net, &how, &trainer) ||
        cvk_loader_create(data, &(struct cvk_loader_params){.batch = 50, .shuffle = 1, .seed = 1}, &loader))
        return fprintf(stderr, "%s\n", cvk_error_text()), 1;

    /* Three epochs of steps. */
    for (uint64_t step = 1; step <= 3 * cvk_loader_batches(loader); step++) {
        if (cvk_loader_next(loader, &x, &classes) || cvk_trainer_step(trainer, x, classes, &result))
            return fprintf(stderr, "%s\n", cvk_error_text()), 1;
        sum += result.loss;
        if (step % cvk_loader_batches(loader) == 0) {
            printf("step %llu: loss %.3f\n", (unsigned long long)step, sum / (double)cvk_loader_batches(loader));
            sum = 0;
        }
    }

    /* What was learned goes anywhere as an ONNX file. */
    if (cvk_trainer_graph(trainer, &trained) || (argc > 2 && cvk_onnx_save(trained, argv[2], NULL)))
        return fprintf(stderr, "%s\n", cvk_error_text()), 1;
    cvk_loader_destroy(loader), cvk_data_close(data), cvk_trainer_destroy(trainer);
    cvk_graph_destroy(trained), cvk_graph_destroy(net), cvk_context_destroy(ctx);
}
