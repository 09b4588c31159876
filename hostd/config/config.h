/* config: /etc/zegel/zegel.yaml, read with libcyaml against a schema, then checked. What this returns is complete: every
 * default is filled in, every reference resolved. Immutable once loaded; one owner, freed as a whole. */
#ifndef ZEGEL_CONFIG_H
#define ZEGEL_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "dkim/select.h"
#include "dkim/sigheader.h"

enum config_algorithm { CONFIG_RSA_SHA256, CONFIG_ED25519_SHA256 };
enum config_on_failure { CONFIG_TEMPFAIL, CONFIG_PASS_UNSIGNED };

enum { CONFIG_WORKERS_MAX = 4 };

/* What is done with mail that the way will change under its signature (dkim/survive.h). */
enum config_survive { CONFIG_SURVIVE_WARN, CONFIG_SURVIVE_REFUSE, CONFIG_SURVIVE_OFF };

enum config_profile { CONFIG_PROFILE_AUTO, CONFIG_PROFILE_LOCAL, CONFIG_PROFILE_PCSC, CONFIG_PROFILE_NETWORK };

/* A module that is asked first, and how the token is called there. */
struct config_prefer {
    char *module; /* absolute path; NULL: none is preferred */
    char *module_sha256;
    char *token;
};

struct config_token {
    char *name;          /* ours; also names the PIN latch: [A-Za-z0-9_-]+ */
    char *module;        /* absolute path of the PKCS#11 module */
    char *module_sha256; /* its file must have this hash, 64 hexadecimal digits; NULL: any */
    char *token;         /* RFC 7512 URI that picks the token */
    struct config_prefer prefer;
    char *pin;                   /* file:PATH, credential:NAME, prompt, pinpad */
    char *sessions;              /* "auto" or a number */
    char *workers;               /* "auto" or a number */
    char *deadline;              /* "10s", "500ms" */
    enum config_profile profile; /* what the module may do; never AUTO once loaded */
    char **read;                 /* more paths that the module may read */
    unsigned read_count;
    char **write; /* more directories that it may write in */
    unsigned write_count;
    unsigned sessions_n; /* 0: auto */
    unsigned workers_n;  /* processes at this token, each logged in: when one hangs or dies, the next one has it */
    int64_t deadline_ms;
};

struct config_key {
    char *selector;
    enum config_algorithm algorithm;
    char *key;            /* RFC 7512 URI with object= or id=; NULL in the file: DOMAIN/SELECTOR on the first token */
    char *wrapped_backup; /* SHA-256 of its public key (hex), when a ceremony made it with a wrapped backup; NULL: it never could
                             leave */
    unsigned token;       /* index into config.tokens whose URI the key's matches */
    char *since, *until;  /* "2026-11-25": it signs since then, and is to be replaced by then; for zegel-status; NULL: not said */
    int64_t since_s, until_s; /* seconds since 1970; 0 */
};

/* So many in each period; count 0: no limit. */
struct config_rate {
    uint32_t count;
    int64_t period_ms;
};

struct config_limits {
    char *key, *front_end, *domain; /* "100/s"; signatures by one key, requests of one front end, signatures for one domain */
    struct config_rate key_rate, front_end_rate, domain_rate; /* the domain's is per day */
};

/* Mail to which all of user, envelope and network apply may be signed for these domains. At least one of the three is there. */
struct config_sender {
    char *user;     /* pattern (* ? []) for the authenticated identity */
    char *envelope; /* pattern for MAIL FROM */
    char *network;  /* address, network, or "local" */
    char **domains; /* of domains:, or "*" */
    unsigned domains_count;
};

/* More about one of listen:. */
struct config_front_end {
    char *listen;   /* as it stands there */
    char **domains; /* those it may use; none: all */
    unsigned domains_count;
    char **trusted_networks; /* for what comes in by this one, besides those for all */
    unsigned trusted_networks_count;
    bool verify;       /* inbound mail: its signatures are verified, nothing is signed */
    char *authserv_id; /* with verify: who says so in Authentication-Results */
};

enum config_publish { CONFIG_PUBLISH_UNSET, CONFIG_PUBLISH_UPDATE, CONFIG_PUBLISH_MANUAL, CONFIG_PUBLISH_EXEC };
enum config_answer { CONFIG_UNSET, CONFIG_NO, CONFIG_YES };

/* The durations of a rotation, in the order of the key's life. */
enum config_rotation_time {
    ROTATION_SAMPLE,  /* between two looks at all servers */
    ROTATION_SETTLE,  /* beyond the TTLs */
    ROTATION_VISIBLE, /* seen for so long before it signs */
    ROTATION_ACTIVE,  /* signs for so long at most */
    ROTATION_UNUSED,  /* has not signed for so long when it retires */
    ROTATION_DESTROY, /* from there to the end of its private key */
    ROTATION_REVOKE,  /* from there to an empty p= */
    ROTATION_TIMES
};

/* rotation:, and what a domain says otherwise. That of a domain that rotates is complete. */
struct config_rotation {
    char **keys; /* algorithms: rsa2048, rsa3072 or rsa4096, and ed25519; one or two */
    unsigned keys_count;
    char *token;                 /* the name of one of tokens: */
    unsigned token_index;        /* in config.tokens */
    char *times[ROTATION_TIMES]; /* "180d" */
    int64_t seconds[ROTATION_TIMES];
    enum config_publish publish;
    char *exec;                          /* CONFIG_PUBLISH_EXEC: the program, absolute */
    enum config_answer backup_required;  /* backup: required */
    enum config_answer approval;         /* people approve each destruction */
    enum config_answer ceremony;         /* keys: are made in ceremonies */
    enum config_answer insecure_allowed; /* dnssec: optional */
    char *trust; /* PEM certificates of custodians, absolute: adoption and destruction need a transcript of theirs; NULL: they do
                    not */
};

/* Where zegel sends updates (RFC 2136), signed with TSIG. */
struct config_update {
    char *server; /* an address; NULL: nowhere */
    char *port;   /* NULL: 53 */
    uint16_t port_n;
    char *key;    /* the TSIG key's name */
    bool sha512;  /* hmac-sha512 instead of hmac-sha256 */
    char *secret; /* file:PATH or credential:NAME; in there: base64 */
};

struct config_domain {
    char *domain;            /* A-label, lower case, no trailing dot */
    bool subdomains;         /* also sign From: x@sub.DOMAIN, with d=DOMAIN */
    struct config_key *keys; /* none yet: only when it rotates; then nothing is signed, and the MTA gets a 4xx */
    unsigned keys_count;
    bool rotation; /* its keys are those of STATE/active.yaml, which zegel rotate writes; its own until there are some */
    struct config_rotation *rotates; /* rotation-policy: */
    struct config_update *update;    /* instead of dns.update; NULL: that */
    enum config_on_failure on_failure;
    enum config_survive survive;
    bool seven_bit;         /* path: 7bit: a hop on the way does not take 8BITMIME */
    char *canonicalization; /* "relaxed/simple" and so on */
    bool relaxed_header, relaxed_body;
    char *expire;     /* x= this long after t=; NULL: no x= */
    int64_t expire_s; /* 0: none */
    char *identity;   /* i=; NULL: none */
    char *limit;      /* "5000/d": this instead of limits.domain */
    struct config_rate rate;
    char **sign_headers, **oversign_headers, **oversign_present_headers; /* NULL-terminated; NULL: the default */
    unsigned sign_headers_count, oversign_headers_count, oversign_present_headers_count;
    struct select_policy headers; /* what these three come to */
};

struct config_audit {
    char *key;      /* Ed25519 key that signs checkpoints, never one that signs mail; NULL: no checkpoints */
    unsigned token; /* as config_key.token */
    char *origin;   /* names the log; a default is made of the host's name */
    char *segment;  /* octets of one records file: "64M" */
    char *keep;     /* octets of all records files: "100G"; NULL: all stay */
    uint64_t segment_max, keep_max;
};

struct config_dns {
    struct config_update update;
    char *resolver; /* unbound.conf(5) for libunbound in zegel and zegel-resolver, absolute; NULL: /etc/resolv.conf and Debian's
                       trust anchor */
};

struct config_check {
    char **non_sending; /* domains from which no mail comes, so that DNS has to say so; none of config.domains */
    unsigned non_sending_count;
    char *explain; /* explain.yaml, absolute; NULL: nothing is explained */
};

/* Where zegel-status tells how things are. */
struct config_status {
    bool off;      /* there is no zegel-status, and nothing to ask */
    char **listen; /* as config.listen, but on this machine only; none in the file: unix:STATE/status.sock */
    unsigned listen_count;
    char *language; /* of the page where the reader asks for none: "en" or "nl" */
};

struct config_users {
    char *milter, *signer, *token, *resolver, *status;
};

struct config {
    char *state; /* directory, absolute */
    struct config_token *tokens;
    unsigned tokens_count;
    char **listen; /* unix:PATH or inet:PORT@HOST or inet6:PORT@HOST */
    unsigned listen_count;
    char **trusted_networks; /* CIDR; mail from there is signed as if authenticated */
    unsigned trusted_networks_count;
    struct config_domain *domains;
    unsigned domains_count;
    struct config_sender *senders; /* none: the rules of milter/senders.h */
    unsigned senders_count;
    unsigned senders_by_user, senders_by_envelope; /* so many of them, the first, and so many behind these, are found by search */
    char *senders_table;                           /* file with more of them; read by config_read */
    struct config_front_end *front_ends;
    unsigned front_ends_count;
    struct config_limits limits;
    bool key_audit_warns; /* key-audit: warn: a key that is not as it should be is complained about, and used */
    struct config_audit audit;
    struct config_dns dns;
    struct config_rotation rotation;
    char **nodes; /* other hosts that sign with these keys: a rotation waits for them as well (STATE/nodes/NAME) */
    unsigned nodes_count;
    struct config_check check; /* for zegel check */
    struct config_status status;
    struct config_users users; /* started as root, the processes run as these; NULL: as root still */
    bool landlock_optional;    /* landlock: optional: start without it where the kernel has none */
    char *log;                 /* where lines go, as base/log.h's log_resolve has it */
    char *socket_group;        /* a unix: socket belongs to this group, which may connect; NULL: that of the process */
};

#define CONFIG_DEFAULT_PATH "/etc/zegel/zegel.yaml"
#define CONFIG_DEFAULT_STATE "/var/lib/zegel"

/* STATE/active.yaml: which keys the domains that rotate sign with. */
#define CONFIG_ACTIVE_NAME "active.yaml"

/* The text of `path`, of the table that it names and of STATE/active.yaml, as one, to be handed to processes that may not read
 * files. ZEGEL_OK, or an error with one line in `why`. */
int config_read(const char *path, struct buf *text, struct buf *why);
/* Read and check `path`. On failure returns ZEGEL_ERR_CONFIG and puts one line, "FILE:LINE: KEY: what is wrong", into `why`. */
int config_load(const char *path, struct config **out, struct buf *why);
/* The same without active.yaml, for who writes it: domains that rotate have no keys. */
int config_load_inactive(const char *path, struct config **out, struct buf *why);
/* The same from what config_read gave; `name` stands for the file in messages. */
int config_parse(const char *name, struct bytes yaml, struct config **out, struct buf *why);
void config_free(struct config *c);

/* The entry for a From domain: the exact one, or the nearest parent with `subdomains`. NULL when there is none.
 * `domain` in any case; O(labels). */
const struct config_domain *config_find_domain(const struct config *c, struct bytes domain);

/* What a signature of this domain with this key says of itself when made at `now` (seconds); views into the configuration. */
struct sigheader_params config_sigheader(const struct config_domain *d, const struct config_key *k, int64_t now);

/* May the front end that listens on `listen` have mail of this domain signed? */
bool config_front_end_may(const struct config *c, const char *listen, const char *domain);

/* The entry of front-ends: for a listen:, or NULL. */
const struct config_front_end *config_find_front_end(const struct config *c, const char *listen);
/* Is all of this network under trusted-networks:, those for all or those of a front end? */
struct network;
bool config_trusts(const struct config *c, const struct network *n);
/* Does the front end that listens there verify, rather than sign? */
bool config_verifies(const struct config *c, const char *listen);

enum config_senders_by { CONFIG_BY_USER, CONFIG_BY_ENVELOPE };
/* The rules for exactly this user, or this envelope sender and no user; a name or "*@DOMAIN": *count of them from the one
 * returned. O(log n). */
const struct config_sender *config_find_senders(const struct config *c, enum config_senders_by by, const char *name,
                                                unsigned *count);

/* Durations: "10s", "500ms", "5m", "2h", "7d". Milliseconds, or -1. */
int64_t config_duration_ms(const char *text);

#endif
