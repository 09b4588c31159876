#include "pkcs11/uri.h"

#include "base/err.h"

int uri_parse(const char *text, P11KitUri **out, struct buf *why)
{
    P11KitUri *uri = p11_kit_uri_new();
    *out = NULL;
    if (uri == NULL)
        return ZEGEL_ERR_NOMEM;
    int e = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
    if (e != P11_KIT_URI_OK || p11_kit_uri_any_unrecognized(uri)) {
        buf_addf(why, "%.200s: not a PKCS#11 URI (RFC 7512): %s", text,
                 e != P11_KIT_URI_OK ? p11_kit_uri_message(e) : "it has an attribute nobody knows");
        p11_kit_uri_free(uri);
        return ZEGEL_ERR_USAGE;
    }
    if (p11_kit_uri_get_pin_value(uri) != NULL) {
        buf_add_str(why, "a PKCS#11 URI with pin-value is refused: no PIN belongs into a URI");
        p11_kit_uri_free(uri);
        return ZEGEL_ERR_USAGE;
    }
    *out = uri;
    return ZEGEL_OK;
}
