/* See inputs.h. */
#include "data/inputs.h"

#include <string.h>

static EntkStatus open_one(const char *name, EntkNpz **file, const char **key, EntkError *error)
{
	EntkStatus status = entk_npz_open(name, file, error);
	return status == ENTK_OK ? entk_npz_only_key(*file, "x", key, error) : status;
}

EntkStatus entk_inputs_open(EntkInputs *inputs, EntkError *error)
{
	EntkStatus status = open_one(inputs->x_name, &inputs->x_file, &inputs->x_key, error);
	if (status == ENTK_OK && inputs->z_name)
		status = open_one(inputs->z_name, &inputs->z_file, &inputs->z_key, error);
	return status;
}

EntkStatus entk_inputs_check(EntkInputs *inputs, const EntkNet *net, size_t *rows, size_t *columns, EntkError *error)
{
	EntkStatus status = entk_samples_check(inputs->x_file, inputs->x_key, net, rows, error);
	*columns = *rows;
	if (status == ENTK_OK && inputs->z_name)
		status = entk_samples_check(inputs->z_file, inputs->z_key, net, columns, error);
	return status;
}

static void forget(EntkInputs *inputs)
{
	entk_samples_destroy(&inputs->x);
	entk_samples_destroy(&inputs->z);
	inputs->loaded = NULL;
}

EntkStatus entk_inputs_load(EntkInputs *inputs, const EntkNet *net, uint32_t precision, EntkError *error)
{
	if (inputs->loaded && entk_same_input(inputs->loaded, net))
		return ENTK_OK;
	forget(inputs);
	EntkStatus status = entk_samples_load(inputs->x_file, inputs->x_key, net, precision, &inputs->x, error);
	if (status == ENTK_OK && inputs->z_name)
		status = entk_samples_load(inputs->z_file, inputs->z_key, net, precision, &inputs->z, error);
	if (status == ENTK_OK && inputs->z_name)
		status = entk_samples_check_scale(&inputs->x, entk_npz_where(inputs->x_file, inputs->x_key),
						  inputs->z_name, inputs->z.from_bytes, error);
	if (status == ENTK_OK && inputs->z_name)
		status = entk_samples_check_scale(&inputs->z, entk_npz_where(inputs->z_file, inputs->z_key),
						  inputs->x_name, inputs->x.from_bytes, error);
	if (status == ENTK_OK)
		inputs->loaded = net;
	return status;
}

const EntkSamples *entk_inputs_z(const EntkInputs *inputs)
{
	return inputs->z_name ? &inputs->z : NULL;
}

void entk_inputs_destroy(EntkInputs *inputs)
{
	forget(inputs);
	entk_npz_close(inputs->x_file);
	entk_npz_close(inputs->z_file);
	memset(inputs, 0, sizeof *inputs);
}
