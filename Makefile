# Zegel. `make help` says what there is.
CC ?= gcc
BUILD ?= build
PREFIX ?= /usr
DESTDIR ?=
UNITDIR ?= $(PREFIX)/lib/systemd/system
VERSION := $(shell sed -n '1s/.*(\(.*\)).*/\1/p' $(firstword $(wildcard debian/changelog hostd/debian/changelog)))
SECONDS_EACH ?= $(or $(SECONDS),60)

# Commands are not shown, only what they make; V=1 shows them.
Q = $(if $(V),,@echo "  make  $@";)

WARN = -Wall -Wextra -Wformat=2 -Wformat-security -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
       -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wimplicit-fallthrough
ifdef CI
WARN += -Werror
endif
HARDEN = -fstack-protector-strong -fstack-clash-protection -fcf-protection -D_FORTIFY_SOURCE=3 -fPIE
LINKHARDEN = -pie -Wl,-z,relro,-z,now,-z,noexecstack
OPT ?= -O2 -g
SAN ?=
P11_CFLAGS := $(shell pkg-config --cflags p11-kit-1 libpcsclite 2>/dev/null)
, := ,
ALLCFLAGS = -std=c17 -D_GNU_SOURCE -Ihostd -Ipkcs11 -Iprovisioning -Ifirmware -I. $(P11_CFLAGS) $(WARN) $(OPT) $(if $(SAN),$(SAN) -DZEGEL_SANITIZED,$(HARDEN)) \
            -DZEGEL_VERSION='"$(VERSION)"' -DZEGEL_LIBEXEC='"$(PREFIX)/libexec/zegel"' $(CFLAGS)
ALLLDFLAGS = $(if $(SAN),$(SAN),$(LINKHARDEN)) -pthread $(LDFLAGS)

BASE = hostd/base/buf.c hostd/base/clock.c hostd/base/err.c hostd/base/io.c hostd/base/log.c hostd/base/logsocket.c
DKIM = hostd/dkim/authres.c hostd/dkim/authserv.c hostd/dkim/base64.c hostd/dkim/body_check.c hostd/dkim/canon_body.c hostd/dkim/canon_header.c \
       hostd/dkim/digest_openssl.c hostd/dkim/domain.c hostd/dkim/from.c hostd/dkim/header.c hostd/dkim/idna_libidn2.c hostd/dkim/keyrecord.c \
       hostd/dkim/out.c hostd/dkim/select.c hostd/dkim/sigheader.c hostd/dkim/sign.c hostd/dkim/survive.c hostd/dkim/taglist.c hostd/dkim/verify.c
IPC = hostd/ipc/control.c hostd/ipc/milter_resolver.c hostd/ipc/milter_signer.c hostd/ipc/signer_token.c
CONFIG = hostd/config/check.c hostd/config/config.c hostd/config/headers.c hostd/config/limits.c hostd/config/network.c hostd/config/rotation.c hostd/config/schema.c hostd/config/senders.c hostd/config/status.c hostd/config/token.c hostd/config/yaml.c
SANDBOX = hostd/sandbox/landlock.c hostd/sandbox/sandbox.c hostd/sandbox/seccomp.c
MILTER = hostd/milter/client.c hostd/milter/current.c hostd/milter/field.c hostd/milter/inbound.c hostd/milter/keylookup.c hostd/milter/listener.c hostd/milter/main.c hostd/milter/policy.c \
         hostd/milter/senders.c hostd/milter/session.c hostd/milter/signing.c hostd/milter/steps.c hostd/milter/stream.c
FIGURES = hostd/figures/figures.c
HTML = hostd/html/html.c hostd/html/style.c
STATUS = hostd/status/book.c hostd/status/faults.c hostd/status/http.c hostd/status/lastcheck.c hostd/status/main.c hostd/status/metrics.c hostd/status/page.c hostd/status/page_keys.c hostd/status/page_mail.c hostd/status/report.c hostd/status/words.c
RESOLVER = hostd/resolver/context.c hostd/resolver/main.c hostd/resolver/resolver.c
FRONT = hostd/front/confine.c hostd/front/eximspool.c hostd/front/message.c hostd/front/relay.c hostd/front/smtpdline.c hostd/front/spool.c hostd/front/talk.c
AUDIT = hostd/audit/log.c hostd/audit/merkle.c hostd/audit/note.c hostd/audit/segment.c hostd/audit/verify.c
SIGNER = hostd/signer/blockcheck.c hostd/signer/checkpoint.c hostd/signer/dispatch.c hostd/signer/intake.c hostd/signer/keyring.c hostd/signer/main.c \
         hostd/signer/permit.c hostd/signer/queue.c hostd/signer/rate.c hostd/signer/release.c hostd/signer/request.c hostd/signer/signer.c hostd/signer/workers.c
SUPERVISOR = hostd/supervisor/child.c hostd/supervisor/family.c hostd/supervisor/listen.c hostd/supervisor/main.c hostd/supervisor/pages.c hostd/supervisor/pin.c \
             hostd/supervisor/reload.c hostd/supervisor/roll.c hostd/supervisor/statedir.c hostd/supervisor/trust.c hostd/supervisor/taken.c hostd/supervisor/upgrade.c
PKCS11 = pkcs11/attr.c pkcs11/choice.c pkcs11/ckr.c pkcs11/generate.c pkcs11/init.c pkcs11/key.c pkcs11/keyaudit.c pkcs11/latch.c pkcs11/module.c pkcs11/rsacheck.c pkcs11/sign.c \
         pkcs11/spki.c pkcs11/token.c pkcs11/uri.c pkcs11/wrap.c
WORKER = pkcs11/worker/confine.c pkcs11/worker/keys.c pkcs11/worker/main.c pkcs11/worker/worker.c
ZEGELTOKEN = $(wildcard pkcs11/zegeltoken/*.c)
CEREMONY = $(wildcard provisioning/ceremony/*.c)
LIFECYCLE = $(wildcard provisioning/lifecycle/*.c)
DNS = $(wildcard provisioning/dns/*.c provisioning/check/*.c)
IMPORT = $(wildcard provisioning/import/*.c provisioning/doctor/*.c)
CHECKTEXT = provisioning/check/spf.c provisioning/check/dmarc.c provisioning/import/ucl.c
TOOL = $(wildcard provisioning/*.c)

LIB = $(BUILD)/libzegel.a
LIBSRC = $(BASE) $(DKIM) $(IPC) $(CONFIG) $(FIGURES) $(HTML)
PROGRAMS = $(BUILD)/zegeld $(BUILD)/zegel-milter $(BUILD)/zegel-signer $(BUILD)/zegel-token $(BUILD)/zegel-resolver $(BUILD)/zegel-status $(BUILD)/zegel-opensmtpd $(BUILD)/zegel-pipe $(BUILD)/zegel $(BUILD)/zegel-ceremony-verify $(BUILD)/zegel-pkcs11.so

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
UNIT = $(patsubst %.c,$(BUILD)/tests/%,$(notdir $(wildcard $(UNITDIRS:%=tests/%/test_*.c))))
UNITDIRS = unit rfc hostile
vpath test_%.c $(UNITDIRS:%=tests/%)

.PHONY: all deps demo check bench asan tsan fuzz lint layers coverage soak deb install help clean unit tests fuzzers

all: $(PROGRAMS) ## build everything into build/

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALLCFLAGS) -MMD -MP -c -o $@ $<

$(LIB): $(call obj,$(LIBSRC))
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/libpkcs11.a: $(call obj,$(PKCS11))
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/libceremony.a: $(call obj,$(CEREMONY))
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/liblifecycle.a: $(call obj,$(LIFECYCLE))
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/zegeld: $(call obj,$(SUPERVISOR)) $(LIB)
	$(Q)$(CC) $(ALLLDFLAGS) -o $@ $^ -lcyaml -lsystemd -lcrypto

$(BUILD)/zegel-milter: $(call obj,$(MILTER) $(SANDBOX)) $(LIB)
	$(Q)$(CC) $(ALLLDFLAGS) -o $@ $^ -lmilter -lseccomp -lcyaml -lidn2 -lcrypto

$(BUILD)/zegel-signer: $(call obj,$(SIGNER) $(AUDIT) $(SANDBOX)) $(LIB)
	$(Q)$(CC) $(ALLLDFLAGS) -o $@ $^ -lseccomp -lcyaml -lidn2 -lcrypto

$(BUILD)/zegel-status: $(call obj,$(STATUS) $(SANDBOX)) $(LIB)
	$(Q)$(CC) $(ALLLDFLAGS) -o $@ $^ -lmicrohttpd -ljansson -lseccomp -lcyaml -lcrypto

$(BUILD)/zegel-resolver: $(call obj,$(RESOLVER) $(SANDBOX)) $(LIB)
	$(Q)$(CC) $(ALLLDFLAGS) -o $@ $^ -lunbound -lseccomp -lcyaml -lidn2 -lcrypto

$(BUILD)/zegel-opensmtpd $(BUILD)/zegel-pipe: $(BUILD)/zegel-%: $(BUILD)/obj/hostd/front/%.o $(call obj,$(FRONT) $(SANDBOX)) $(LIB)
	$(Q)$(CC) $(ALLLDFLAGS) -o $@ $^ -lseccomp

$(BUILD)/zegel-token: $(call obj,$(WORKER) $(SANDBOX)) $(BUILD)/libpkcs11.a $(LIB)
	$(Q)$(CC) $(ALLLDFLAGS) -o $@ $^ -lseccomp -lcyaml -lp11-kit -lcrypto -ldl

# The Zegel token as a PKCS#11 module. With its firmware it shares the reading of BER and the words for refusals.
$(BUILD)/pic/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fPIE,$(ALLCFLAGS)) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<

$(BUILD)/zegel-pkcs11.so: $(patsubst %.c,$(BUILD)/pic/%.o,$(ZEGELTOKEN) firmware/core/tlv.c)
	$(Q)$(CC) $(filter-out -pie,$(ALLLDFLAGS)) -shared -Wl,-soname,zegel-pkcs11.so $(if $(SAN),,-Wl$(,)-z$(,)defs) -o $@ $^ -lpcsclite -lcrypto

$(BUILD)/zegel: $(call obj,$(TOOL) $(IMPORT) $(DNS)) $(call obj,pkcs11/zegeltoken/applet.c firmware/core/tlv.c hostd/signer/blockcheck.c hostd/milter/policy.c hostd/milter/senders.c hostd/resolver/context.c hostd/supervisor/pin.c $(AUDIT)) $(BUILD)/liblifecycle.a $(BUILD)/libceremony.a $(BUILD)/libpkcs11.a $(LIB)
	$(Q)$(CC) $(ALLLDFLAGS) -o $@ $^ -lsqlite3 -lcyaml -ljansson -lp11 -lp11-kit -lldns -lunbound -lidn2 -lgfshare -lcrypto -ldl

# No token code and no network in there: what it links shows it.
$(BUILD)/zegel-ceremony-verify: $(call obj,provisioning/verifier/main.c pkcs11/rsacheck.c) $(BUILD)/libceremony.a $(LIB)
	$(Q)$(CC) $(ALLLDFLAGS) -o $@ $^ -lcyaml -ljansson -lidn2 -lcrypto

UNITOBJ = $(call obj,hostd/status/book.c $(CHECKTEXT) hostd/signer/blockcheck.c hostd/signer/keyring.c hostd/signer/queue.c hostd/signer/rate.c hostd/signer/workers.c $(AUDIT) hostd/milter/policy.c hostd/milter/senders.c hostd/milter/stream.c hostd/supervisor/pin.c $(FRONT) $(SANDBOX))
$(BUILD)/tests/%: %.c $(UNITOBJ) $(BUILD)/liblifecycle.a $(BUILD)/libceremony.a $(BUILD)/libpkcs11.a $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALLCFLAGS) -Wno-missing-prototypes -Itests -Itests/unit $(ALLLDFLAGS) -o $@ $< $(UNITOBJ) $(BUILD)/liblifecycle.a $(BUILD)/libceremony.a $(BUILD)/libpkcs11.a $(LIB) -lsqlite3 -lcheck -lsubunit -lm -lrt -lseccomp -lcyaml -ljansson -lp11 -lp11-kit -lidn2 -lgfshare -lcrypto -ldl

# These look at DNS's answers.
$(BUILD)/tests/test_check_rules $(BUILD)/tests/test_look: $(BUILD)/tests/%: tests/unit/%.c $(call obj,$(DNS) hostd/resolver/context.c provisioning/lifecycle/look.c) $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALLCFLAGS) -Wno-missing-prototypes -Itests -Itests/unit $(ALLLDFLAGS) -o $@ $^ -lcheck -lsubunit -lm -lrt -lcyaml -ljansson -lldns -lunbound -lidn2 -lcrypto

$(BUILD)/tests/test_keys: tests/unit/test_keys.c $(call obj,pkcs11/worker/keys.c) $(BUILD)/libpkcs11.a $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALLCFLAGS) -Wno-missing-prototypes -Itests -Itests/unit $(ALLLDFLAGS) -o $@ $^ -lcheck -lsubunit -lm -lrt -lcyaml -ljansson -lp11-kit -lidn2 -lcrypto -ldl

$(BUILD)/bench/load: tests/bench/load.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE -O2 -g -Wall -Wextra -pthread -o $@ $<

$(BUILD)/bench/rawsign: tests/bench/rawsign.c $(call obj,provisioning/cmd.c provisioning/progress.c provisioning/token_open.c provisioning/pin_prompt.c hostd/supervisor/pin.c) $(BUILD)/libpkcs11.a $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALLCFLAGS) $(ALLLDFLAGS) -o $@ $^ -lcyaml -ljansson -lp11-kit -lcrypto -ldl

$(BUILD)/bench/audit: tests/bench/audit.c $(call obj,$(AUDIT)) $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALLCFLAGS) $(ALLLDFLAGS) -o $@ $^ -lcrypto

$(BUILD)/bench/tables: tests/bench/tables.c $(call obj,hostd/milter/senders.c) $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALLCFLAGS) $(ALLLDFLAGS) -o $@ $^ -lcyaml -lidn2 -lcrypto

$(BUILD)/bench/canon: tests/bench/canon.c $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALLCFLAGS) $(ALLLDFLAGS) -o $@ $^ -lidn2 -lcrypto

bench: all firmware $(patsubst %,$(BUILD)/bench/%,tables load rawsign audit canon) $(BUILD)/tests/p11fault.so $(BUILD)/tests/p11fault ## speed, as ratios in one run
	@BUILD=$(BUILD) tests/bench/bench.sh

deps: ## install what is missing from Debian 12 (nothing if all is there)
	@tests/deps.sh

# The warning is about a format that libcyaml hands us.
$(BUILD)/obj/hostd/config/yaml.o: WARN += -Wno-format-nonliteral

# PKCS#11 modules that lie, and that fail on demand, and the tool that says how.
$(BUILD)/tests/p11liar.so: tests/mock/p11liar.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fPIE,$(ALLCFLAGS)) -Wno-missing-prototypes -fPIC -shared -o $@ $< -ldl

$(BUILD)/tests/p11fault.so: tests/mock/p11fault.c tests/mock/p11fault.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fPIE,$(ALLCFLAGS)) -Wno-missing-prototypes -fPIC -shared -o $@ $< -ldl -pthread

$(BUILD)/tests/p11fault: tests/mock/p11fault_tool.c tests/mock/p11fault.h $(BUILD)/libpkcs11.a $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALLCFLAGS) $(ALLLDFLAGS) -o $@ $< $(BUILD)/libpkcs11.a $(LIB)

# Without a sanitizer, whatever the rest has: what is preloaded comes before it.
$(BUILD)/tests/clockstep.so $(BUILD)/tests/smtpdkey.so $(BUILD)/tests/sysfault.so $(BUILD)/tests/fewrounds.so: $(BUILD)/tests/%.so: tests/mock/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE $(WARN) -Wno-missing-prototypes -O2 -g -fPIC -shared -o $@ $<

$(BUILD)/tests/sysfault: tests/mock/sysfault_tool.c tests/mock/sysfault.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALLCFLAGS) $(ALLLDFLAGS) -o $@ $<

MOCK = $(BUILD)/tests/clockstep.so $(BUILD)/tests/smtpdkey.so $(BUILD)/tests/sysfault.so $(BUILD)/tests/fewrounds.so $(BUILD)/tests/sysfault $(BUILD)/tests/p11fault.so $(BUILD)/tests/p11fault $(BUILD)/tests/p11liar.so

include firmware/mk/firmware.mk

$(BUILD)/tests/engine: tests/differential/engine.c $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALLCFLAGS) $(ALLLDFLAGS) -o $@ $^ -lidn2 -lcrypto

tests: all $(UNIT) $(MOCK) $(BUILD)/tests/engine $(BUILD)/bench/load

unit: tests ## unit tests only
	@BUILD=$(BUILD) tests/run.sh $(notdir $(UNIT))

check: deps ## build and run every test
	@$(MAKE) --no-print-directory tests
	@BUILD=$(BUILD) tests/layers.sh
	@$(MAKE) --no-print-directory fuzz SECONDS=2
	@BUILD=$(BUILD) tests/run.sh

demo: deps ## the whole thing on this machine, with SoftHSM, Postfix and Knot
	@$(MAKE) --no-print-directory all
	@BUILD=$(BUILD) KEEP=$(KEEP) tests/system/demo.sh

asan: deps ## the whole test suite under ASan and UBSan, in build/asan
	@$(MAKE) --no-print-directory BUILD=build/asan OPT="-O1 -g -fno-omit-frame-pointer" \
	    SAN="-fsanitize=address,undefined -fno-sanitize-recover=all" tests
	@BUILD=build/asan ASAN_OPTIONS=abort_on_error=0:detect_stack_use_after_return=1:fast_unwind_on_malloc=0 UBSAN_OPTIONS=print_stacktrace=1 \
	    LSAN_OPTIONS=suppressions=$(CURDIR)/tests/lsan.supp:print_suppressions=0 tests/run.sh

tsan: deps ## the threaded parts under TSan, in build/tsan
	@$(MAKE) --no-print-directory BUILD=build/tsan OPT="-O1 -g" SAN="-fsanitize=thread" tests
	@BUILD=build/tsan TSAN_OPTIONS="halt_on_error=1 suppressions=$(CURDIR)/tests/tsan.supp" tests/run.sh

FUZZERS = $(patsubst tests/fuzz/%.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
$(BUILD)/fuzz_%: tests/fuzz/fuzz_%.c $(UNITOBJ) $(LIB)
	$(Q)$(CC) $(ALLCFLAGS) -fsanitize=fuzzer $(ALLLDFLAGS) -o $@ $^ -lseccomp -lcyaml -lidn2 -lcrypto
$(BUILD)/fuzz_zegeltoken: tests/fuzz/fuzz_zegeltoken.c $(call obj,pkcs11/zegeltoken/applet.c pkcs11/zegeltoken/object.c firmware/core/tlv.c)
	$(Q)$(CC) $(ALLCFLAGS) -fsanitize=fuzzer $(ALLLDFLAGS) -o $@ $^ -lcrypto
fuzzers: $(FUZZERS)

fuzz: deps ## every fuzz target for SECONDS= each (libFuzzer, ASan, UBSan)
	@$(MAKE) --no-print-directory BUILD=build/fuzz CC=clang OPT="-O1 -g" \
	    SAN="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all" fuzzers
	@SECONDS_EACH=$(SECONDS_EACH) tests/fuzz/run.sh

soak: deps ## the tests under fire in their long forms, with figures (about an hour)
	@$(MAKE) --no-print-directory tests
	@BUILD=$(BUILD) SOAK=1 tests/soak.sh

lint: deps ## clang-tidy, cppcheck, clang-format, shellcheck
	@tests/lint.sh

layers: all ## dependencies one way only
	@BUILD=$(BUILD) tests/layers.sh

coverage: deps ## branch coverage of the engine by the unit tests, in build/coverage
	@tests/coverage.sh

install: all ## into DESTDIR= PREFIX=
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/libexec/zegel
	install -m 755 $(BUILD)/zegel $(BUILD)/zegel-ceremony-verify $(DESTDIR)$(PREFIX)/bin/
	install -m 755 $(BUILD)/zegeld $(DESTDIR)$(PREFIX)/sbin/
	install -d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)$(PREFIX)/lib/tmpfiles.d $(DESTDIR)$(PREFIX)/share/doc/zegel
	install -m 644 hostd/systemd/zegeld.service hostd/systemd/zegeld.socket hostd/systemd/zegel-reconcile.service hostd/systemd/zegel-reconcile.timer hostd/systemd/zegel-rotate.service hostd/systemd/zegel-rotate.timer $(DESTDIR)$(UNITDIR)/
	install -m 644 hostd/systemd/zegel.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/zegel.conf
	install -m 644 hostd/systemd/zegel.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/zegel.conf
	install -d $(DESTDIR)$(PREFIX)/share/doc/zegel/examples $(DESTDIR)$(PREFIX)/share/doc/zegel-doc
	install -m 644 hostd/systemd/network.conf hostd/config/zegel.yaml hostd/prometheus/zegel.rules.yml hostd/prometheus/zegel-dashboard.json $(DESTDIR)$(PREFIX)/share/doc/zegel/examples/
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/man/man8
	for page in hostd/man/*.[158]; do install -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/; done
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	$(BUILD)/zegel completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/zegel
	$(BUILD)/zegel completion zsh >$(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/_zegel
	$(BUILD)/zegel completion fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/zegel.fish
	install -m 644 hostd/handbook/*.md $(DESTDIR)$(PREFIX)/share/doc/zegel-doc/
	install -m 755 $(BUILD)/zegel-milter $(BUILD)/zegel-signer $(BUILD)/zegel-token $(BUILD)/zegel-resolver $(BUILD)/zegel-status $(BUILD)/zegel-opensmtpd $(BUILD)/zegel-pipe $(DESTDIR)$(PREFIX)/libexec/zegel/
	install -d $(DESTDIR)$(PREFIX)/lib/zegel
	install -m 644 $(BUILD)/zegel-pkcs11.so $(DESTDIR)$(PREFIX)/lib/zegel/

deb: ## Debian packages into build/
	@BUILD=$(BUILD) hostd/debian/build.sh

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

clean: ## remove build/
	rm -rf $(BUILD)

-include $(shell find $(BUILD)/obj $(BUILD)/pic $(BUILD)/firmware $(BUILD)/tests -name '*.d' -type f 2>/dev/null)
