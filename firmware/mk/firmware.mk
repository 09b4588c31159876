# The Zegel token. Included by the Makefile; `make firmware` leaves build/firmware/zegel-token-{imx6ul.elf,native}.
FW = $(BUILD)/firmware
FIRMWARE = $(FW)/zegel-token-native $(FW)/zegel-token-native-dev $(FW)/zegel-token-imx6ul.elf

.PHONY: firmware
firmware: $(FIRMWARE) ## the Zegel token, for Linux and for the i.MX6UL, into build/firmware/

FW_CORE = $(sort $(wildcard firmware/core/*.c))
FW_CRYPTO = $(sort $(wildcard firmware/crypto/*.c))
FW_SHARED = $(FW_CORE) $(FW_CRYPTO) firmware/port/vpcd.c
# The paths of the machine that builds stay out of what is built.
FW_CFLAGS = -std=c17 -D_GNU_SOURCE -Ifirmware -Ifirmware/include -Itests $(WARN) $(OPT) $(or $(SAN),$(HARDEN)) \
            -ffile-prefix-map=$(CURDIR)=. -Wframe-larger-than=8192
FW_LIBS = -lbearssl -lsodium
fwobj = $(patsubst %.c,$(FW)/native/%.o,$(1))

$(FW)/native/%.o: %.c firmware/mk/firmware.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(FW_CFLAGS) -MMD -MP -c -o $@ $<

$(FW)/native/dev/%.o: %.c firmware/mk/firmware.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(FW_CFLAGS) -DZEGEL_DEV_SEED -MMD -MP -c -o $@ $<

$(FW)/libtoken.a: $(call fwobj,$(FW_SHARED))
	@rm -f $@
	$(Q)ar rcsD $@ $^

NATIVE = $(call fwobj,firmware/port/native/main.c firmware/port/native/store.c firmware/port/blocks.c)
$(FW)/zegel-token-native: $(call fwobj,firmware/port/native/hal.c) $(NATIVE) $(FW)/libtoken.a
	$(Q)$(CC) $(ALLLDFLAGS) -o $@ $^ $(FW_LIBS)

# The same with all that is random constant: what it answers can be compared with the other port's, octet by octet.
$(FW)/zegel-token-native-dev: $(FW)/native/dev/firmware/port/native/hal.o $(NATIVE) $(FW)/libtoken.a
	$(Q)$(CC) $(ALLLDFLAGS) -o $@ $^ $(FW_LIBS)

tests: firmware

# ---- tests of the firmware: tests/unit/test_fw_*.c, tests/fuzz/fuzz_fw_*.c, over a port that lives in memory
$(FW)/libhal_ram.a: $(call fwobj,tests/firmware/hal_ram.c)
	@rm -f $@
	$(Q)ar rcsD $@ $^

$(BUILD)/tests/test_fw_%: tests/unit/test_fw_%.c $(FW)/libtoken.a $(FW)/libhal_ram.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(FW_CFLAGS) -Wno-missing-prototypes -Wno-unused-function $(ALLLDFLAGS) -o $@ $^ $(FW_LIBS) -lcheck -lsubunit -lm -lrt -lcrypto

$(BUILD)/fuzz_fw_%: tests/fuzz/fuzz_fw_%.c $(FW)/libtoken.a $(FW)/libhal_ram.a
	$(Q)$(CC) $(FW_CFLAGS) -fsanitize=fuzzer $(if $(filter %_apdu,$@),-Wl$(,)--wrap=crypto_rsa_generate) $(ALLLDFLAGS) -o $@ $^ $(FW_LIBS)

# The token's block rules beside the host's, in one program: tests/differential/blockrules.h. Both have a from_domain.
RULES = $(patsubst %,$(BUILD)/obj/rules/%.o,block sig from name)
$(BUILD)/obj/rules/%.o: firmware/core/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALLCFLAGS) -Dfrom_domain=token_from_domain -MMD -MP -c -o $@ $<

$(BUILD)/tests/test_blockrules: tests/unit/test_blockrules.c $(RULES) $(UNITOBJ) $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALLCFLAGS) -Wno-missing-prototypes -Itests -Itests/unit $(ALLLDFLAGS) -o $@ $^ -lcheck -lsubunit -lm -lrt -lseccomp -lcyaml -lidn2 -lcrypto

$(BUILD)/fuzz_blockrules: tests/fuzz/fuzz_blockrules.c $(RULES) $(UNITOBJ) $(LIB)
	$(Q)$(CC) $(ALLCFLAGS) -fsanitize=fuzzer -Itests $(ALLLDFLAGS) -o $@ $^ -lseccomp -lcyaml -lidn2 -lcrypto

# ---- imx6ul: bare metal; libraries from Debian's armhf packages
ARMHF = $(FW)/armhf
ARM_CC = arm-none-eabi-gcc
ARM_FLAGS = -mcpu=cortex-a7 -mfpu=neon-vfpv4 -mfloat-abi=hard -mthumb -fno-short-enums
ARM_CFLAGS = $(ARM_FLAGS) -std=c17 -O2 -g -ffreestanding -ffunction-sections -fdata-sections -fstack-protector-strong -mstack-protector-guard=global \
             $(WARN) -Wframe-larger-than=8192 -Ifirmware -Ifirmware/include -idirafter $(ARMHF)/usr/include -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(ARMHF)=armhf
ARM_LIBS = $(ARMHF)/usr/lib/arm-linux-gnueabihf/libbearssl.a $(ARMHF)/usr/lib/arm-linux-gnueabihf/libsodium.a
TEXT_MAX = 262144
armobj = $(patsubst %,$(FW)/imx6ul/%.o,$(basename $(1)))

$(ARMHF)/.complete: firmware/mk/fetch-armhf
	$(Q)firmware/mk/fetch-armhf $(ARMHF)

$(FW)/imx6ul/%.o: %.c firmware/mk/firmware.mk | $(ARMHF)/.complete
	@mkdir -p $(@D)
	$(Q)$(ARM_CC) $(ARM_CFLAGS) -MMD -MP -c -o $@ $<

$(FW)/imx6ul/%.o: %.S firmware/mk/firmware.mk
	@mkdir -p $(@D)
	$(Q)$(ARM_CC) $(ARM_FLAGS) -c -o $@ $<

IMX6UL = $(call armobj,$(FW_SHARED) firmware/port/blocks.c $(sort $(wildcard firmware/port/imx6ul/*.c firmware/port/imx6ul/*.S)))
$(FW)/zegel-token-imx6ul.elf: $(IMX6UL) firmware/port/imx6ul/link.ld
	$(Q)$(ARM_CC) $(ARM_FLAGS) -nostartfiles -T firmware/port/imx6ul/link.ld -Wl,--gc-sections,--build-id=none,-z,noexecstack,--no-wchar-size-warning,--no-enum-size-warning \
	    -o $@.part $(IMX6UL) $(ARM_LIBS)
	@arm-none-eabi-size $@.part | awk 'NR == 2 { print "  text " $$1 " octets of $(TEXT_MAX)"; exit $$1 > $(TEXT_MAX) }'
	@mv $@.part $@

# The tests of the system drive it.
tests: $(FW)/zegel-token-native $(FW)/zegel-token-native-dev
