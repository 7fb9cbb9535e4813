/*
 * completion: the script that lets a shell complete redferry's command lines.
 */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "completion.h"

static const struct {
    const char *name;
    void (*put)(const struct completion *completion);
} shells[] = {
    {"bash", completion_put_bash},
    {"zsh", completion_put_zsh},
    {"fish", completion_put_fish},
};

/* The script as text, yours to free(); NULL where memory runs out. */
static char *script_of(const struct cmd_call *call,
                       void (*put)(const struct completion *completion))
{
    struct reference reference;
    struct completion completion;
    char *text = NULL;
    size_t length = 0;
    if (cmd_reference(call, &reference) != 0) return NULL;
    FILE *stream = open_memstream(&text, &length);
    const bool filled = stream != NULL && completion_init(&completion, stream, &reference) == 0;
    if (filled) {
        put(&completion);
        completion_release(&completion);
    }
    free((void *)reference.commands);
    if (stream != NULL && fclose(stream) == 0 && filled) return text;
    free(text);
    return NULL;
}

static int run(struct cmd_call *call)
{
    const char *shell = call->arguments[0];
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(shells[i].name, shell) != 0) continue;
        char *script = script_of(call, shells[i].put);
        if (script == NULL) return cmd_refuse(call, "out of memory");
        if (call->json)
            call->document =
                document_texts(REDFERRY_OK, "shell", shell, "script", script, NULL);
        else
            fputs(script, call->out);
        free(script);
        return REDFERRY_OK;
    }
    return cmd_refuse(call, "there is no completion for '%s': bash, zsh, fish", shell);
}

const struct cmd cmd_completion = {
    .name = "completion",
    .arguments = "bash|zsh|fish",
    .summary = "print the script that completes command lines in a shell",
    .details = "bash: eval \"$(redferry completion bash)\" in ~/.bashrc. zsh: source "
               "<(redferry completion zsh) behind compinit in ~/.zshrc, or the output as "
               "_redferry in a directory of $fpath. fish: redferry completion fish | source in "
               "~/.config/fish/config.fish.",
    .least = 1,
    .most = 1,
    .run = run,
};
