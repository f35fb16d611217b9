/* Random orders of samples, from which training sets are drawn. */
#ifndef ENTK_DATA_ORDER_H
#define ENTK_DATA_ORDER_H

#include "support/status.h"

#include <stdint.h>

/* An order of `count` samples in which every beginning has the classes in nearly the same proportions as the whole; at random
 * within that. `classes` (of the samples, below class_count) may be NULL. The same seed gives the same order everywhere. */
EntkStatus entk_stratified_order(const size_t *classes, size_t count, size_t class_count, uint64_t seed, size_t *order,
				 EntkError *error);

#endif
