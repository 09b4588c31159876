#include <stddef.h>
#include <string.h>

#include "lifecycle/machine.h"

static const char *const states[] = {
    "planned", "generated", "backed-up", "no-backup-accepted", "publishing", "visible",    "standby",
    "active",  "retired",   "revoked",   "tombstone",          "aborted",    "compromised"};

const char *life_state_name(enum life_state s)
{
    return states[s];
}

int life_state_from(const char *name)
{
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (strcmp(states[i], name) == 0)
            return (int)i;
    return -1;
}

const char *life_private_name(enum life_private p)
{
    static const char *const names[] = {"absent", "live", "disabled", "destroyed"};
    return names[p];
}

const char *life_act_name(enum life_act a)
{
    static const char *const names[] = {"wait",    "plan",   "generate", "accept", "publish",  "send",
                                        "sample",  "lose",   "show",     "ready",  "activate", "retire",
                                        "destroy", "revoke", "remove",   "abort",  "close",    "freeze"};
    return names[a];
}

const char *life_why_text(enum life_why w)
{
    static const char *const texts[] = {
        "nothing",
        "somebody to say that there is a backup (zegel rotate approve backup)",
        "all servers to have the record",
        "a second look at all servers",
        "caches to forget that it was not there",
        "its turn",
        "a successor that can sign",
        "every node to sign with the new key",
        "an hour in which it has not signed",
        "the time to destroy its private keys",
        "somebody to approve its destruction (zegel rotate approve destroy)",
        "the mail that it signed to be delivered",
        "one more rotation",
        "the token to answer",
        "a ceremony to make keys",
        "people: the domain is frozen (zegel rotate resume)",
        "people: the domain is suspended (zegel rotate resume)",
    };
    return texts[w];
}
