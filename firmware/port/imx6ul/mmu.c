/* The address space, in sections of 1 MiB (ARM DDI 0406C, B3.5): what is not listed faults. Nothing is both writable and
 * executable. */
#include "port/imx6ul/imx6ul.h"

#define SECTION 2U
#define XN (1U << 4)
#define PRIVILEGED_RW (1U << 10)
#define PRIVILEGED_RO (1U << 10 | 1U << 15)
#define DEVICE (1U << 2)                      /* TEX 0, C 0, B 1 */
#define NORMAL (1U << 12 | 1U << 3 | 1U << 2) /* write-back, write-allocate */

static uint32_t table[4096] __attribute__((aligned(0x4000), section(".bss.translation")));

void mmu_init(void);

static void map(uint32_t megabyte, uint32_t attributes)
{
    table[megabyte] = megabyte << 20 | attributes | SECTION;
}

/* Before the MMU is on: aligned words only. */
void mmu_init(void)
{
    map(0x020, DEVICE | PRIVILEGED_RW | XN); /* AIPS-1: UART1 */
    map(0x021, DEVICE | PRIVILEGED_RW | XN); /* AIPS-2: UART2, uSDHC1 */
    map(0x022, DEVICE | PRIVILEGED_RW | XN); /* AIPS-3: RNGB */
    map(0x800, NORMAL | PRIVILEGED_RO);
    map(0x801, NORMAL | PRIVILEGED_RW | XN);
    map(0x803, NORMAL | PRIVILEGED_RW | XN);                                                /* stack; 0x802 stays empty */
    __asm__ volatile("mcr p15, 0, %0, c2, c0, 0" ::"r"((uint32_t)(uintptr_t)table | 0x09)); /* TTBR0, table walks cached */
    __asm__ volatile("mcr p15, 0, %0, c2, c0, 2" ::"r"(0));                                 /* TTBCR: TTBR0 alone */
    __asm__ volatile("mcr p15, 0, %0, c3, c0, 0" ::"r"(1));                                 /* DACR: domain 0 is checked */
    __asm__ volatile("dsb\n isb");
}
