/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads each file as a configuration of its own and prints what is wrong with it, one problem a
 * line. Exit code 0: no file has an error or a warning.
 */
#include <mqkafka/mqkafka.h>

#include <stdio.h>

static void print_problem(void *user, mqk_severity severity, const mqk_error *error) {
    int *problems = user;
    ++*problems;
    printf("%s: %s\n", severity == MQK_SEVERITY_ERROR ? "error" : "warning", error->message);
}

int main(int argc, char **argv) {
    int problems = 0;
    for (int i = 1; i < argc; i++) {
        const mqk_config_source source = {.size = sizeof(source), .path = argv[i]};
        mqk_config *config = NULL;
        mqk_config_load(&source, 1, print_problem, &problems, &config, NULL);
        mqk_config_free(config);
    }
    return problems == 0 ? 0 : 1;
}
