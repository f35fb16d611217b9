/* How many channels each step of a finite network has.
 *
 * Every weight layer could have any width; a flatten multiplies what it gets by the size of its index set, and the
 * branches of a sum must agree. So a weight layer opens a class, counts are multiples of classes, and a sum of a x and
 * b y makes x = (b/g) t and y = (a/g) t with g = gcd(a, b) of a new class t: a residual layer behind a flatten gets as
 * many channels as the flatten gives. Classes without a parent have the width that was asked for. */
#include <string.h>

#include "base/diag.h"
#include "finite/internal.h"

/* Nobody could afford more; keeps products far from overflow. */
#define MAX_FACTOR ((uint64_t)1 << 31)

static uint32_t new_class(Arena *arena, ChannelTable *table)
{
	if (table->count == table->capacity) {
		uint32_t capacity = 2 * table->capacity + 64;
		ChannelClass *classes = ARENA_ARRAY(arena, ChannelClass, capacity);
		if (table->count > 0)
			memcpy(classes, table->classes, table->count * sizeof *classes);
		table->classes = classes;
		table->capacity = capacity;
	}
	table->classes[table->count] = (ChannelClass){table->count, 1};
	return table->count++;
}

Channels channels_new(Arena *arena, ChannelTable *table)
{
	return (Channels){new_class(arena, table), 1};
}

/* The same count in units of the class's root; false if the factor is absurd. */
static bool to_root(const ChannelTable *table, Channels *channels)
{
	while (channels->class != CHANNELS_FIXED && table->classes[channels->class].parent != channels->class) {
		const ChannelClass *class = &table->classes[channels->class];
		if (channels->factor > MAX_FACTOR)
			return false;
		*channels = (Channels){class->parent, channels->factor * class->factor};
	}
	return channels->factor <= MAX_FACTOR;
}

static uint64_t greatest_common_divisor(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

bool channels_unify(Arena *arena, ChannelTable *table, Channels a, Channels b)
{
	if (!to_root(table, &a) || !to_root(table, &b))
		return false;
	if (a.class == b.class)
		return a.factor == b.factor;
	if (a.class == CHANNELS_FIXED || b.class == CHANNELS_FIXED)
		return false;
	uint32_t root = a.class;
	uint64_t divisor = greatest_common_divisor(a.factor, b.factor);
	if (a.factor != b.factor)
		root = new_class(arena, table);
	table->classes[a.class] = (ChannelClass){root, b.factor / divisor};
	table->classes[b.class] = (ChannelClass){root, a.factor / divisor};
	return true;
}

uint64_t channels_count(const ChannelTable *table, Channels channels, uint32_t width)
{
	bool sane = to_root(table, &channels);
	ENTK_ASSERT(sane); /* the plan has asked already */
	return channels.class == CHANNELS_FIXED ? channels.factor : channels.factor * width;
}
