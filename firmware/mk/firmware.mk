# The Zegel token. Included by the Makefile; `make firmware` leaves build/firmware/zegel-token-{imx6ul.elf,native}.
FW = $(BUILD)/firmware
FW_CORE = $(wildcard firmware/core/*.c)
FW_CRYPTO = $(wildcard firmware/crypto/*.c)
FW_SHARED = $(FW_CORE) $(FW_CRYPTO) firmware/port/vpcd.c
# The paths of the machine that builds stay out of what is built.
FW_CFLAGS = -std=c17 -D_GNU_SOURCE -Ifirmware -Ifirmware/include -Itests $(WARN) $(OPT) $(or $(SAN),$(HARDEN)) \
            -ffile-prefix-map=$(CURDIR)=. -Wframe-larger-than=8192
FW_LIBS = -lbearssl -lsodium
fwobj = $(patsubst %.c,$(FW)/native/%.o,$(1))

$(FW)/native/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(FW_CFLAGS) -MMD -MP -c -o $@ $<

$(FW)/native/dev/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(FW_CFLAGS) -DZEGEL_DEV_SEED -MMD -MP -c -o $@ $<

$(FW)/libtoken.a: $(call fwobj,$(FW_SHARED))
	@rm -f $@
	$(Q)ar rcsD $@ $^

NATIVE = $(call fwobj,firmware/port/native/main.c firmware/port/native/store.c)
$(FW)/zegel-token-native: $(call fwobj,firmware/port/native/hal.c) $(NATIVE) $(FW)/libtoken.a
	$(Q)$(CC) $(ALLLDFLAGS) -o $@ $^ $(FW_LIBS)

# The same with all that is random constant: what it answers can be compared with the other port's, octet by octet.
$(FW)/zegel-token-native-dev: $(FW)/native/dev/firmware/port/native/hal.o $(NATIVE) $(FW)/libtoken.a
	$(Q)$(CC) $(ALLLDFLAGS) -o $@ $^ $(FW_LIBS)

# ---- tests of the firmware: tests/unit/test_fw_*.c, tests/fuzz/fuzz_fw_*.c, over a port that lives in memory
$(FW)/libhal_ram.a: $(call fwobj,tests/firmware/hal_ram.c)
	@rm -f $@
	$(Q)ar rcsD $@ $^

$(BUILD)/tests/test_fw_%: tests/unit/test_fw_%.c $(FW)/libtoken.a $(FW)/libhal_ram.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(FW_CFLAGS) -Wno-missing-prototypes $(ALLLDFLAGS) -o $@ $^ $(FW_LIBS) -lcheck -lsubunit -lm -lrt -lcrypto

$(BUILD)/fuzz_fw_%: tests/fuzz/fuzz_fw_%.c $(FW)/libtoken.a $(FW)/libhal_ram.a
	$(Q)$(CC) $(FW_CFLAGS) -fsanitize=fuzzer $(ALLLDFLAGS) -o $@ $^ $(FW_LIBS)
