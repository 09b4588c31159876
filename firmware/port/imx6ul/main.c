/* The token on the i.MX6UL: UART1 speaks with the reader (vpcd's frames), UART2 logs, the SD card remembers. */
#include "crypto.h"
#include "hal.h"
#include "port/imx6ul/imx6ul.h"
#include "port/imx6ul/request.h"
#include "port/imx6ul/shim.h"
#include "port/vpcd.h"

_Noreturn void imx6ul_fault(uint32_t kind, uint32_t address);
_Noreturn void imx6ul_main(void);

/* An exception is a bug or an attack: the address, and the end. */
_Noreturn void imx6ul_fault(uint32_t kind, uint32_t address)
{
    static const char *const kinds[] = {
        "undefined instruction", "supervisor call", "prefetch abort", "data abort", "?", "irq", "fiq"};
    char hex[9] = {0};

    for (int i = 0; i < 8; i++)
        hex[i] = "0123456789abcdef"[address >> (28 - 4 * i) & 15];
    uart_print(IMX6UL_UART2, "token: fault at ");
    uart_print(IMX6UL_UART2, hex);
    uart_print(IMX6UL_UART2, "\r\n");
    hal_panic(kinds[kind < 7 ? kind : 4]);
}

_Noreturn static void serve(void)
{
    static struct vpcd v;
    uint64_t idle_since_ms = hal_now_ms();

    vpcd_init(&v);
    for (;;) {
        uint8_t octet;

        if (!uart_get(IMX6UL_UART1, &octet)) {
            if (hal_now_ms() - idle_since_ms >= 500) {
                token_idle();
                idle_since_ms = hal_now_ms();
            }
            continue;
        }
        size_t len = vpcd_octet(&v, octet);
        for (size_t i = 0; i < len; i++)
            uart_put(IMX6UL_UART1, v.reply[i]);
        idle_since_ms = hal_now_ms();
    }
}

/* Never returns, so its frame may be older than the stack guard. */
_Noreturn __attribute__((no_stack_protector)) void imx6ul_main(void)
{
    uart_init(IMX6UL_UART2);
    uart_init(IMX6UL_UART1);
    hal_log(hal_version());
    shim_init();
    if (sd_init() != 0)
        hal_panic("no SD card answers on uSDHC1");
    if (crypto_init() != CRYPTO_OK)
        hal_panic("crypto does not pass its known-answer tests");
    request_before_boot();
    if (token_boot() != 0)
        hal_panic("the store cannot be read, or is not of this token");
    request_after_boot();
    hal_log("ready");
    serve();
}
