/* Where the processor begins: privileged (SVC), MMU and caches off, interrupts masked (they stay so: everything is polled).
 * FPU before any C (libsodium uses NEON registers), MMU and caches before anything unaligned. */
    .syntax unified
    .arch armv7-a
    .fpu neon-vfpv4
    .section .vectors, "ax"
    .arm
    .balign 32
vectors:
    ldr pc, =start
    ldr pc, =undefined
    ldr pc, =svc
    ldr pc, =prefetch
    ldr pc, =data
    ldr pc, =unused
    ldr pc, =irq
    ldr pc, =fiq
    .ltorg

    .text
    .arm
    .global start
start:
    cpsid aif, #0x13                    @ SVC
    mrc p15, 0, r0, c1, c0, 0           @ SCTLR: MMU, caches, high vectors off
    bic r0, r0, #0x3000
    bic r0, r0, #0x0007
    mcr p15, 0, r0, c1, c0, 0
    ldr r0, =vectors
    mcr p15, 0, r0, c12, c0, 0          @ VBAR
    cps #0x17                           @ ABT, UND: a stack of their own, for their last words
    ldr sp, =fault_stack_top
    cps #0x1B
    ldr sp, =fault_stack_top
    cps #0x12
    ldr sp, =fault_stack_top
    cps #0x13
    ldr sp, =stack_top
    mrc p15, 0, r0, c1, c0, 2           @ CPACR: coprocessors 10 and 11
    orr r0, r0, #0xF00000
    mcr p15, 0, r0, c1, c0, 2
    isb
    mov r0, #0x40000000                 @ FPEXC.EN
    vmsr fpexc, r0
    ldr r0, =bss_start
    ldr r1, =bss_end
    mov r2, #0
1:  cmp r0, r1
    strlo r2, [r0], #4
    blo 1b
    bl mmu_init
    mov r0, #0
    mcr p15, 0, r0, c8, c7, 0           @ TLBIALL
    mcr p15, 0, r0, c7, c5, 0           @ ICIALLU
    mcr p15, 0, r0, c7, c5, 6           @ BPIALL
    dsb
    isb
    mrc p15, 0, r0, c1, c0, 1           @ ACTLR.SMP: without it the A7 does not cache data
    orr r0, r0, #0x40
    mcr p15, 0, r0, c1, c0, 1
    mrc p15, 0, r0, c1, c0, 0
    orr r0, r0, #0x1800                 @ I, Z
    orr r0, r0, #0x0005                 @ C, M
    bic r0, r0, #0x0002                 @ A off: unaligned access is allowed in normal memory
    mcr p15, 0, r0, c1, c0, 0
    isb
    bl imx6ul_main
    b .

    .macro fault name, number, offset
\name:
    sub r1, lr, #\offset
    mov r0, #\number
    b imx6ul_fault
    .endm
    fault undefined, 0, 4
    fault svc, 1, 4
    fault prefetch, 2, 4
    fault data, 3, 8
    fault unused, 4, 0
    fault irq, 5, 4
    fault fiq, 6, 4
