/* network: an IPv4 or IPv6 address with a prefix length. */
#ifndef ZEGEL_CONFIG_NETWORK_H
#define ZEGEL_CONFIG_NETWORK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct network {
    int family; /* AF_INET or AF_INET6 */
    uint8_t address[16];
    unsigned prefix; /* bits */
};

/* "192.0.2.0/24", "::1". Bits behind the prefix must be zero: a typo there means something else was meant. */
bool network_parse(const char *text, struct network *out);
/* Is all of `n` in `whole`? */
bool network_within(const struct network *n, const struct network *whole);
/* IPv4-mapped IPv6 addresses match IPv4 networks. */
bool network_contains(const struct network *n, const struct sockaddr *address);

#endif
