/* SPDX-License-Identifier: MIT
 * MD5, by which published data sets are known (Rivest, RFC 1321). */
#include "idx.h"

/* floor(2^32 |sin(i + 1)|), the table T of the RFC. */
static const uint32_t sines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501, 0x698098d8, 0x8b44f7af,
    0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa,
    0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8,
    0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244, 0x432aff97,
    0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1,
    0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

static void add_block(uint32_t state[4], const uint8_t *block)
{
    static const uint8_t turns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t words[16], a = state[0], b = state[1], c = state[2], d = state[3];
    for (uint32_t i = 0; i < 16; i++)
        words[i] = block[4 * i] | (uint32_t)block[4 * i + 1] << 8 | (uint32_t)block[4 * i + 2] << 16 |
                   (uint32_t)block[4 * i + 3] << 24;
    for (uint32_t i = 0; i < 64; i++) {
        uint32_t round = i / 16, mixed, word;
        if (round == 0) {
            mixed = (b & c) | (~b & d);
            word = i;
        } else if (round == 1) {
            mixed = (b & d) | (c & ~d);
            word = 5 * i + 1;
        } else if (round == 2) {
            mixed = b ^ c ^ d;
            word = 3 * i + 5;
        } else {
            mixed = c ^ (b | ~d);
            word = 7 * i;
        }
        uint32_t sum = a + mixed + words[word % 16] + sines[i], turn = turns[round][i % 4];
        a = d;
        d = c;
        c = b;
        b += sum << turn | sum >> (32 - turn);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

void cvk__md5(const uint8_t *data, uint64_t bytes, uint8_t out[CVK__MD5_BYTES])
{
    uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    uint64_t whole = bytes / 64 * 64, rest = bytes - whole;
    for (uint64_t at = 0; at < whole; at += 64)
        add_block(state, data + at);
    uint8_t end[128] = {0}; /* the rest, one bit, zeros, the length in bits */
    uint64_t end_bytes = rest < 56 ? 64 : 128;
    memcpy(end, data + whole, rest);
    end[rest] = 0x80;
    for (uint32_t i = 0; i < 8; i++)
        end[end_bytes - 8 + i] = (uint8_t)(bytes * 8 >> (8 * i));
    for (uint64_t at = 0; at < end_bytes; at += 64)
        add_block(state, end + at);
    for (uint32_t i = 0; i < CVK__MD5_BYTES; i++)
        out[i] = (uint8_t)(state[i / 4] >> (8 * (i % 4)));
}
