/* hosts: lists of clients (InternalHosts, PeerList, sign_networks) as trusted-networks. */
#ifndef ZEGEL_IMPORT_HOSTS_H
#define ZEGEL_IMPORT_HOSTS_H

#include "import/dataset.h"

/* The networks of `signs` that have none in them that does not sign: neither one with ! nor one of `peers` (NULL: no such list).
 * Names of hosts are not carried: they come from the client's own reverse DNS. */
void hosts_import(struct import *im, const struct dataset *signs, const struct dataset *peers);

#endif
