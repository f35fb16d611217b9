/* xoshiro256++ (Blackman and Vigna, Scrambled linear pseudorandom number generators, 2021), seeded through SplitMix64:
 * one stream per network, so that networks do not depend on threads or on each other. */
#include <math.h>

#include "finite/internal.h"

static uint64_t mix(uint64_t *state)
{ /* SplitMix64 */
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

Random random_begin(uint64_t seed, uint64_t width, uint64_t number)
{
	Random random = {.has_spare = false};
	uint64_t state = seed;
	state = mix(&state) ^ width;
	state = mix(&state) ^ number;
	for (int i = 0; i < 4; i++)
		random.state[i] = mix(&state);
	return random;
}

static uint64_t rotate(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

uint64_t random_bits(Random *random)
{
	uint64_t *s = random->state, result = rotate(s[0] + s[3], 23) + s[0], t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

/* Marsaglia's polar method: two numbers at a time. */
double random_normal(Random *random)
{
	double u, v, square;
	if (random->has_spare) {
		random->has_spare = false;
		return random->spare;
	}
	do {
		u = (double)(random_bits(random) >> 11) * 0x1p-52 - 1;
		v = (double)(random_bits(random) >> 11) * 0x1p-52 - 1;
		square = u * u + v * v;
	} while (square >= 1 || square == 0);
	double factor = sqrt(-2 * log(square) / square);
	random->spare = v * factor;
	random->has_spare = true;
	return u * factor;
}
