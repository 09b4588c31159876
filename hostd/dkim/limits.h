/* limits: everything in a message that an attacker chooses the number of, and how much of it we look at. */
#ifndef ZEGEL_DKIM_LIMITS_H
#define ZEGEL_DKIM_LIMITS_H

enum {
    DKIM_HEADER_TEXT_MAX = 256 * 1024, /* octets of all header fields together */
    DKIM_HEADER_FIELDS_MAX = 2048,
    DKIM_SELECTED_MAX = 256,    /* fields one signature may cover */
    DKIM_BLOCK_MAX = 64 * 1024, /* octets of one canonical header block: what crosses to the signer */
    DKIM_TAGS_MAX = 32,         /* tags in a DKIM-Signature or a key record */
    DKIM_SIGNATURES_MAX = 8,    /* signatures made for, or verified of, one message */
    DKIM_DOMAIN_MAX = 253,      /* RFC 1035 §2.3.4, without the trailing dot */
    DKIM_KEYRECORD_MAX = 4096,
    DKIM_RSA_BITS_MAX = 8192,
    DKIM_SIGNATURE_MAX = DKIM_RSA_BITS_MAX / 8,
    DKIM_FIELD_MAX = 8192, /* octets of one DKIM-Signature field we make */
    DKIM_HASH_LEN = 32,    /* SHA-256 */
    DKIM_LINE_MAX = 998    /* RFC 5322 §2.1.1, without CRLF */
};

#endif
