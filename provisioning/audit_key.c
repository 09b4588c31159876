#include "audit_key.h"

#include "base/io.h"

enum { FILE_MAX = 1024 };

bool audit_key(const struct cmd *cmd, const struct cmd_options *o, struct note_key *key, int *code)
{
    static const char in_file[] = "file:/";
    struct buf text = BUF_INIT, why = BUF_INIT;
    int err = ZEGEL_OK;
    if (o->key != NULL && strncmp(o->key, in_file, sizeof in_file - 1) == 0)
        err = io_read_file(o->key + sizeof in_file - 2, FILE_MAX, &text, &why);
    else if (o->key != NULL)
        buf_add_str(&text, o->key);
    struct bytes line = bytes_slice(buf_bytes(&text), 0, bytes_find(buf_bytes(&text), '\n'));
    bool ok = err == ZEGEL_OK && note_key_parse(line, key);
    if (err != ZEGEL_OK)
        *code = cmd_fail(cmd, err, buf_cstr(&why));
    else if (!ok)
        *code = cmd_misuse(cmd, "--key needs the log's public key as zegel audit key prints it, or file:/PATH of a file with it");
    buf_free(&text);
    buf_free(&why);
    return ok;
}
