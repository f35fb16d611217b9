/* The samples X and Z of a command line: files, and what was loaded from them for a net. */
#ifndef ENTK_DATA_INPUTS_H
#define ENTK_DATA_INPUTS_H

#include "data/samples.h"

typedef struct EntkInputs {
	const char *x_name, *z_name; /* as given; z_name NULL: X with itself */
	EntkNpz *x_file, *z_file;
	const char *x_key, *z_key;
	EntkSamples x, z;
	const EntkNet *loaded; /* the net for which they are; NULL: none yet */
} EntkInputs;

/* Opens the files; the names are set. */
EntkStatus entk_inputs_open(EntkInputs *inputs, EntkError *error);
/* Do the shapes fit the net? Numbers of samples of X and of Z (without Z: of X). */
EntkStatus entk_inputs_check(EntkInputs *inputs, const EntkNet *net, size_t *rows, size_t *columns, EntkError *error);
/* Loads x and z unless they are there already. */
EntkStatus entk_inputs_load(EntkInputs *inputs, const EntkNet *net, uint32_t precision, EntkError *error);
/* Z, or NULL. */
const EntkSamples *entk_inputs_z(const EntkInputs *inputs);
void entk_inputs_destroy(EntkInputs *inputs);

#endif
