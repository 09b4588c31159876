/* fields: SignHeaders and OversignHeaders as changes of Zegel's own lists, which only grow: what people see stays signed, and
 * what must not be added to stays oversigned. */
#ifndef ZEGEL_IMPORT_FIELDS_H
#define ZEGEL_IMPORT_FIELDS_H

#include "import/dataset.h"

void fields_import(struct import *im, const struct dataset *names, bool oversign);

#endif
