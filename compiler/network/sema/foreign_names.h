/* What other libraries call their layers and arguments, and what to write here. */
#ifndef ENTK_FOREIGN_NAMES_H
#define ENTK_FOREIGN_NAMES_H

/* A sentence for whoever wrote `name` (upper and lower case, underscores and a number of dimensions do not matter: MaxPool2d is
 * max_pool) where a layer is wanted; NULL where nothing is known. */
const char *foreign_name_hint(const char *name);
/* The same for an argument of a layer: W_std, out_channels. */
const char *foreign_argument_hint(const char *name);

#endif
