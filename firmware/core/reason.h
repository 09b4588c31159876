/* reason: why a header block is not signed. One code each, the low octet of status word 69xx; they never change their meaning.
 * Codes stay below 0x80, clear of ISO's own 6981 and up. */
#ifndef ZEGEL_CORE_REASON_H
#define ZEGEL_CORE_REASON_H

#include <stddef.h>

/* Five ways in which a domain name can be wrong, for each place where one stands (name.h has the same order). */
#define REASON_NAMES(R, code, prefix, text)                                                                                      \
    R(prefix##_EMPTY, code, text " is empty")                                                                                    \
    R(prefix##_LONG, (code) + 1, text " is longer than 253 octets")                                                              \
    R(prefix##_LABEL_EMPTY, (code) + 2, text " has an empty label")                                                              \
    R(prefix##_LABEL_LONG, (code) + 3, text " has a label of more than 63 octets")                                               \
    R(prefix##_OCTET, (code) + 4, text " has an octet that no name has")

#define REASONS(R)                                                                                                               \
    /* the lines */                                                                                                              \
    R(BLOCK_EMPTY, 0x01, "the header block is empty")                                                                            \
    R(BLOCK_LARGE, 0x02, "the header block is larger than 64 KiB")                                                               \
    R(BLOCK_CR, 0x03, "a bare CR")                                                                                               \
    R(BLOCK_LF, 0x04, "a bare LF")                                                                                               \
    R(BLOCK_NUL, 0x05, "a NUL")                                                                                                  \
    R(BLOCK_CONTROL, 0x06, "a control character")                                                                                \
    R(BLOCK_ENDS_CRLF, 0x07, "CRLF behind the last field")                                                                       \
    R(BLOCK_FIELDS, 0x08, "more than 256 fields")                                                                                \
    R(BLOCK_BLANK_FOLD, 0x09, "a folded line of nothing but white space")                                                        \
    R(FIELD_NO_COLON, 0x0a, "a field without a colon")                                                                           \
    R(FIELD_NO_NAME, 0x0b, "a field without a name")                                                                             \
    R(FIELD_NAME_SPACE, 0x0c, "white space in a field name")                                                                     \
    R(FIELD_NAME_OCTET, 0x0d, "an octet that no field name has")                                                                 \
    R(FIELD_NAME_CASE, 0x0e, "relaxed: a field name in upper case")                                                              \
    R(FIELD_TAB, 0x0f, "relaxed: HTAB in a value")                                                                               \
    R(FIELD_FOLD, 0x10, "relaxed: a folded value")                                                                               \
    R(FIELD_SPACES, 0x11, "relaxed: two spaces in a row")                                                                        \
    R(FIELD_LEADING, 0x12, "relaxed: a space before the value")                                                                  \
    R(FIELD_TRAILING, 0x13, "relaxed: a space behind the value")                                                                 \
    R(FIELD_NAME_LONG, 0x14, "a field name of more than 76 octets")                                                              \
    /* the DKIM-Signature: its place and its tags */                                                                             \
    R(SIG_NOT_LAST, 0x15, "the last field is not DKIM-Signature")                                                                \
    R(SIG_TWICE, 0x16, "a second DKIM-Signature")                                                                                \
    R(SIG_NAME_CASE, 0x17, "simple: the last field is not spelled DKIM-Signature")                                               \
    R(TAG_NO_EQUALS, 0x18, "a tag without =")                                                                                    \
    R(TAG_NO_NAME, 0x19, "a tag without a name")                                                                                 \
    R(TAG_NAME_OCTET, 0x1a, "an octet that no tag name has")                                                                     \
    R(TAG_VALUE_OCTET, 0x1b, "an octet that no tag value has")                                                                   \
    R(TAG_BLANK, 0x1c, "nothing between two semicolons")                                                                         \
    R(TAG_TWICE, 0x1d, "a tag twice")                                                                                            \
    R(TAG_UNKNOWN, 0x1e, "a tag that Zegel never makes")                                                                         \
    R(TAG_L, 0x1f, "l=: part of the body would be anyone's")                                                                     \
    R(TAG_Z, 0x20, "z=: copied header fields")                                                                                   \
    R(TAG_Q, 0x21, "q=: a query method")                                                                                         \
    R(NO_V, 0x22, "v= is missing")                                                                                               \
    R(NO_A, 0x23, "a= is missing")                                                                                               \
    R(NO_C, 0x24, "c= is missing")                                                                                               \
    R(NO_D, 0x25, "d= is missing")                                                                                               \
    R(NO_S, 0x26, "s= is missing")                                                                                               \
    R(NO_T, 0x27, "t= is missing")                                                                                               \
    R(NO_H, 0x28, "h= is missing")                                                                                               \
    R(NO_BH, 0x29, "bh= is missing")                                                                                             \
    R(NO_B, 0x2a, "b= is missing")                                                                                               \
    R(B_NOT_LAST, 0x2b, "b= is not the last tag")                                                                                \
    R(B_NOT_EMPTY, 0x2c, "b= is not empty")                                                                                      \
    R(V_NOT_1, 0x2d, "v= is not 1")                                                                                              \
    R(A_UNKNOWN, 0x2e, "a= is no algorithm we know")                                                                             \
    R(A_SHA1, 0x2f, "a= is SHA-1 (RFC 8301)")                                                                                    \
    R(A_NOT_KEY, 0x30, "a= is not the key's algorithm")                                                                          \
    R(C_HEADER, 0x31, "c=: the header's canonicalisation is neither relaxed nor simple")                                         \
    R(C_BODY, 0x32, "c=: the body's canonicalisation is neither relaxed nor simple")                                             \
    R(C_HALF, 0x33, "c= does not name both canonicalisations")                                                                   \
    R(T_EMPTY, 0x34, "t= is empty")                                                                                              \
    R(T_OCTET, 0x35, "t= is not a number")                                                                                       \
    R(T_LONG, 0x36, "t= has more than 12 digits")                                                                                \
    R(T_EARLY, 0x37, "t= lies before this firmware was made")                                                                    \
    R(X_EMPTY, 0x38, "x= is empty")                                                                                              \
    R(X_OCTET, 0x39, "x= is not a number")                                                                                       \
    R(X_LONG, 0x3a, "x= has more than 12 digits")                                                                                \
    R(X_NOT_AFTER, 0x3b, "x= is not later than t=")                                                                              \
    R(X_FAR, 0x3c, "x= lies further behind t= than the key allows")                                                              \
    R(BH_OCTET, 0x3d, "bh= is not base64")                                                                                       \
    R(BH_LENGTH, 0x3e, "bh= is not 32 octets")                                                                                   \
    R(BH_PADDING, 0x3f, "bh=: padding that does not fit, or bits behind the end")                                                \
    REASON_NAMES(R, 0x40, D, "d=")                                                                                               \
    REASON_NAMES(R, 0x45, S, "s=")                                                                                               \
    REASON_NAMES(R, 0x4a, I, "i=: the domain")                                                                                   \
    REASON_NAMES(R, 0x4f, FROM_DOMAIN, "From: the domain")                                                                       \
    R(D_NOT_KEY, 0x54, "d= is not the key's domain")                                                                             \
    R(S_NOT_KEY, 0x55, "s= is not the key's selector")                                                                           \
    R(I_NO_AT, 0x56, "i= has no @")                                                                                              \
    R(I_LOCAL, 0x57, "i=: an octet that no local part has")                                                                      \
    R(I_OUTSIDE, 0x58, "i= is not under d=")                                                                                     \
    R(X_MISSING, 0x59, "x= is missing and the key wants one")                                                                    \
    /* h= and the fields */                                                                                                      \
    R(H_EMPTY_NAME, 0x5a, "h= has an empty name")                                                                                \
    R(H_OCTET, 0x5b, "h=: an octet that no field name has")                                                                      \
    R(H_MANY, 0x5c, "h= names more than 256 fields")                                                                             \
    R(H_SIGNATURE, 0x5d, "h= names DKIM-Signature")                                                                              \
    R(H_NO_FROM, 0x5e, "h= does not name From")                                                                                  \
    R(H_FROM_ONCE, 0x5f, "From is not oversigned: h= must name it once more than it is there")                                   \
    R(H_LEFT_OVER, 0x60, "the block has a field that h= does not name")                                                          \
    R(H_ORDER, 0x61, "the fields do not stand in the order of h=")                                                               \
    R(H_SINGLETON, 0x62, "a field that may be there once is there twice")                                                        \
    R(NO_FROM, 0x63, "no From")                                                                                                  \
    R(FROM_TWICE, 0x64, "two From fields")                                                                                       \
    /* From */                                                                                                                   \
    R(FROM_EMPTY, 0x65, "From: nothing in it")                                                                                   \
    R(FROM_COMMENT, 0x66, "From: a comment that does not end")                                                                   \
    R(FROM_COMMENT_DEEP, 0x67, "From: comments within comments within comments")                                                 \
    R(FROM_QUOTE, 0x68, "From: a quoted string that does not end")                                                               \
    R(FROM_NO_AT, 0x69, "From: an address without @")                                                                            \
    R(FROM_LOCAL, 0x6a, "From: an address without a local part")                                                                 \
    R(FROM_DOTS, 0x6b, "From: a local part with a dot at its end or two in a row")                                               \
    R(FROM_LITERAL, 0x6c, "From: a domain literal")                                                                              \
    R(FROM_GROUP, 0x6d, "From: a group")                                                                                         \
    R(FROM_ROUTE, 0x6e, "From: a route")                                                                                         \
    R(FROM_ANGLE, 0x6f, "From: no > behind the address")                                                                         \
    R(FROM_BEHIND, 0x70, "From: something behind the address")                                                                   \
    R(FROM_LIST, 0x71, "From: more than one mailbox")                                                                            \
    R(FROM_8BIT, 0x72, "From: 8-bit octets, which the key does not allow")                                                       \
    R(FROM_UTF8, 0x73, "From: 8-bit octets that are not UTF-8")                                                                  \
    R(FROM_SPECIAL, 0x74, "From: a special character outside quotes")                                                            \
    R(FROM_TWO_AT, 0x75, "From: two @")                                                                                          \
    R(FROM_STRICT, 0x76, "From: the domain is not d= (strict alignment)")                                                        \
    R(FROM_RELAXED, 0x77, "From: the domain is not under d= (relaxed alignment)")                                                \
    /* the key and its limits; never the block's fault */                                                                        \
    R(NOT_BEGUN, 0x78, "no block was begun")                                                                                     \
    R(RATE, 0x79, "the key's rate is used up; later")                                                                            \
    R(DAILY_CAP, 0x7a, "the key's signatures of this day are used up")

#define REASON_ENUM(name, code, text) REASON_##name = (code),
enum reason { REASON_OK = 0, REASONS(REASON_ENUM) };
#undef REASON_ENUM

/* One clause of English for a reason; static. NULL: no such reason. */
static inline const char *reason_text(enum reason r)
{
    switch (r) {
    case REASON_OK: return "ok";
#define REASON_CASE(name, code, text)                                                                                            \
    case REASON_##name: return text;
        REASONS(REASON_CASE)
#undef REASON_CASE
    }
    return NULL;
}

#endif
