/* shim: what Debian's libraries for Linux expect of glibc, and this port has no Linux for. */
#ifndef ZEGEL_IMX6UL_SHIM_H
#define ZEGEL_IMX6UL_SHIM_H

/* Sets the stack guard from hal_entropy; the caller has no guard in its own frame. */
void shim_init(void);

#endif
