#include "ipc/milter_resolver.h"
#include "ipc/signer_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sign_request a;
    struct sign_reply b;
    struct token_request c;
    struct token_reply d;
    struct key_request e;
    struct key_reply f;
    (void)sign_request_unpack(bytes_of(data, size), &a);
    (void)sign_reply_unpack(bytes_of(data, size), &b);
    (void)token_request_unpack(bytes_of(data, size), &c);
    (void)token_reply_unpack(bytes_of(data, size), &d);
    (void)key_request_unpack(bytes_of(data, size), &e);
    (void)key_reply_unpack(bytes_of(data, size), &f);
    return 0;
}
