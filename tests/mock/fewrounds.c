/* fewrounds.so, to be preloaded into sc-hsm-tool: its key derivation of ten million rounds takes 10 s of processor a time; with
 * this one a thousand. What it then writes only it can read. */
#include <dlfcn.h>
#include <openssl/evp.h>

enum { ROUNDS_MAX = 1000 };

int EVP_BytesToKey(const EVP_CIPHER *type, const EVP_MD *md, const unsigned char *salt, const unsigned char *data, int len,
                   int count, unsigned char *key, unsigned char *iv)
{
    union {
        void *object;
        int (*function)(const EVP_CIPHER *, const EVP_MD *, const unsigned char *, const unsigned char *, int, int,
                        unsigned char *, unsigned char *);
    } next = {.object = dlsym(RTLD_NEXT, "EVP_BytesToKey")};
    return next.function(type, md, salt, data, len, count > ROUNDS_MAX ? ROUNDS_MAX : count, key, iv);
}
