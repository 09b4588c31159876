#include <openssl/pem.h>
#include <openssl/ts.h>
#include <stdio.h>

#include "base/err.h"
#include "ceremony/verify_parts.h"

static X509_STORE *tsa_store(const char *path, STACK_OF(X509) * certificates)
{
    FILE *f = fopen(path, "re");
    X509 *x = f == NULL ? NULL : PEM_read_X509(f, NULL, NULL, NULL);
    X509_STORE *store = x == NULL ? NULL : X509_STORE_new();
    if (store != NULL) {
        (void)X509_STORE_add_cert(store, x);
        (void)X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
        (void)sk_X509_push(certificates, x);
    }
    if (f != NULL)
        (void)fclose(f);
    return store;
}

/* RFC 3161, over manifest.json. */
int verify_stamp(struct verify *v, struct buf *why)
{
    struct bytes reply;
    unsigned char *again = NULL;
    char time[21];
    struct tm tm = {0};
    if (snapshot_find(&v->t.files, "manifest.tsr") == NULL || v->o->tsa == NULL) {
        buf_addf(v->report, "unchecked when: %s\n",
                 v->o->tsa == NULL ? "the clock was the ceremony's own; no --tsa" : "there is no manifest.tsr");
        return v->o->tsa == NULL ? ZEGEL_OK : verify_no(why, "manifest.tsr is missing, and --tsa was given");
    }
    int err = snapshot_get(&v->t.files, "manifest.tsr", &reply, why);
    const unsigned char *p = reply.data;
    TS_RESP *response = err == ZEGEL_OK && reply.len > 0 ? d2i_TS_RESP(NULL, &p, (long)reply.len) : NULL;
    TS_VERIFY_CTX *ctx = TS_VERIFY_CTX_new();
    STACK_OF(X509) *certificates = sk_X509_new_null();
    X509_STORE *store = tsa_store(v->o->tsa, certificates);
    bool ok = response != NULL && ctx != NULL && store != NULL;
    if (ok) {
        (void)TS_VERIFY_CTX_set_flags(ctx, TS_VFY_SIGNATURE | TS_VFY_VERSION | TS_VFY_DATA);
        (void)TS_VERIFY_CTX_set_data(ctx, BIO_new_mem_buf(v->manifest.data, (int)v->manifest.len));
        (void)TS_VERIFY_CTX_set_store(ctx, store); /* ctx owns these now */
        (void)TS_VERIFY_CTX_set_certs(ctx, certificates);
        int len = i2d_TS_RESP(response, &again);
        ok = len > 0 && bytes_eq(bytes_of(again, (size_t)len), reply) && TS_RESP_verify_response(ctx, response) == 1 &&
             ASN1_TIME_to_tm(TS_TST_INFO_get_time(TS_RESP_get_tst_info(response)), &tm) == 1;
        plan_time_text(timegm(&tm), time);
    }
    if (ok)
        buf_addf(v->report, "proved    the manifest existed at %s, says the time-stamping authority\n", time);
    else if (err == ZEGEL_OK)
        err = verify_no(why, "manifest.tsr: is no good time stamp over manifest.json by that authority");
    OPENSSL_free(again);
    TS_VERIFY_CTX_free(ctx);
    TS_RESP_free(response);
    return err;
}
