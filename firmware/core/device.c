#include "core/device.h"

#include "core/vault.h"

static struct {
    uint64_t boots;
    uint8_t seed[32];
    uint8_t terminated, spare[7];
} device;

static int save(void)
{
    return vault_put(VAULT_DEVICE, &device, sizeof device);
}

int device_open(void)
{
    if (vault_get(VAULT_DEVICE, &device, sizeof device) != (int)sizeof device)
        return -1;
    device.boots++;
    crypto_random_mix(&device.boots, sizeof device.boots);
    return save();
}

int device_format(void)
{
    memset(&device, 0, sizeof device);
    crypto_random(device.seed, sizeof device.seed);
    return save();
}

uint64_t device_boots(void)
{
    return device.boots;
}

bool device_terminated(void)
{
    return device.terminated != 0;
}

enum sw device_set_terminated(bool terminated)
{
    device.terminated = terminated;
    return save() == 0 ? SW_OK : SW_MEMORY_FAILURE;
}

void device_public(uint8_t public[32])
{
    struct crypto_ed25519 key;
    crypto_ed25519_from_seed(device.seed, &key);
    memcpy(public, key.public, sizeof key.public);
    crypto_wipe(&key, sizeof key);
}

enum sw device_sign(const void *message, size_t len, uint8_t signature[CRYPTO_ED25519_SIG])
{
    struct crypto_ed25519 key;
    crypto_ed25519_from_seed(device.seed, &key);
    int err = crypto_ed25519_sign(&key, message, len, signature);
    crypto_wipe(&key, sizeof key);
    return err == CRYPTO_OK ? SW_OK : SW_FAULT;
}
