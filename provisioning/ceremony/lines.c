#include "ceremony/lines.h"

static json_t *text_of(struct bytes b)
{
    return json_stringn((const char *)b.data, b.len);
}

static json_t *statement(struct bytes line, const char *name)
{
    size_t end = bytes_find(line, ' ');
    struct bytes word = bytes_slice(line, 0, end), rest = bytes_trim(bytes_slice(line, end, line.len));
    if (word.len > 0 && word.data[word.len - 1] == ':')
        word.len--;
    return json_pack("{s:o, s:o}", name, text_of(word), "text", text_of(rest));
}

json_t *lines_json(struct bytes text, const char *name)
{
    json_t *all = json_array();
    while (text.len > 0) {
        struct bytes line = bytes_line(&text);
        if (line.len > 0)
            (void)json_array_append_new(all, statement(line, name));
    }
    return all;
}

json_t *lines_verdict(const char *dir, bool verified, struct bytes report, const char *problem)
{
    return json_pack("{s:s, s:b, s:o, s:o}", "directory", dir, "verified", verified, "statements",
                     lines_json(verified ? report : bytes_of(NULL, 0), "kind"), "problem",
                     verified ? json_null() : json_string(problem));
}
