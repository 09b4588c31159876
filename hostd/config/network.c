#include "config/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static bool prefix_matches(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

bool network_parse(const char *text, struct network *out)
{
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);
    if (len >= sizeof address)
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    memset(out, 0, sizeof *out);
    out->family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
    if (inet_pton(out->family, address, out->address) != 1)
        return false;
    unsigned long bits = out->family == AF_INET6 ? 128 : 32;
    out->prefix = (unsigned)bits;
    if (slash != NULL) {
        char *end;
        unsigned long n = strtoul(slash + 1, &end, 10);
        if (end == slash + 1 || *end != '\0' || n > bits)
            return false;
        out->prefix = (unsigned)n;
    }
    uint8_t masked[16] = {0};
    memcpy(masked, out->address, out->prefix / 8);
    if (out->prefix % 8 != 0)
        masked[out->prefix / 8] = (uint8_t)(out->address[out->prefix / 8] & 0xff00 >> out->prefix % 8);
    return memcmp(masked, out->address, sizeof masked) == 0;
}

bool network_within(const struct network *n, const struct network *whole)
{
    return n->family == whole->family && n->prefix >= whole->prefix && prefix_matches(n->address, whole->address, whole->prefix);
}

bool network_contains(const struct network *n, const struct sockaddr *address)
{
    if (address == NULL)
        return false;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        return n->family == AF_INET && prefix_matches(n->address, (const uint8_t *)&in->sin_addr, n->prefix);
    }
    if (address->sa_family == AF_INET6) {
        const struct in6_addr *in6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        if (n->family == AF_INET)
            return IN6_IS_ADDR_V4MAPPED(in6) && prefix_matches(n->address, in6->s6_addr + 12, n->prefix);
        return prefix_matches(n->address, in6->s6_addr, n->prefix);
    }
    return false;
}
