/* `spectrum D`: how fast a kernel's eigenvalues fall, how its targets lie to them, and what follows for learning. */
#include "commands/commands.h"

#include "cli/common.h"
#include "learn/line.h"
#include "output/text.h"
#include "spectrum/spectrum.h"

#include <stdint.h>
#include <string.h>

enum { TRAIN = 1, RAW, SPHERE, DEGREES, TARGET, SIZES, NOISE, JSON, FIGURE };

static const EntkOption options[] = {
	{TRAIN, "train", 0, "N", "use N training samples only (all), classes in proportion"},
	{RAW, "raw", 0, NULL, "real targets as they stand in the file, not standardized"},
	{SPHERE, "sphere", 0, NULL, "no data: eigenvalues on the sphere of unit vectors, for nets on vectors"},
	{DEGREES, "degrees", 0, "K", "with --sphere: up to degree K (20)"},
	{TARGET, "target", 0, "K", "with --sphere: the degree of the target whose learning curve is predicted"},
	{SIZES, "sizes", 0, "N,N,..", "with --sphere: the curve's training-set sizes (10,20,50 .. 1000)"},
	{NOISE, "noise", 0, "V", "with --sphere: variance of the noise on targets of variance 1 (0)"},
	{JSON, "json", 0, "FILE", "a list with one object per net (-: on stdout, instead of the text)"},
	{FIGURE, "figure", 0, "PREFIX", "draw PREFIX.svg, PREFIX.png and PREFIX.pdf with gnuplot"},
	ENTK_LEARN_KERNEL_OPTION,
	ENTK_LEARN_STORE_OPTION,
	{ENTK_LEARN_RIDGE, "ridge", 0, "R", "as for fit (1e-4); effective dimension and Y'K^-1 Y are with it"},
	{ENTK_LEARN_RATE, "learning-rate", 0, "E", "of the predicted descent (half the largest stable one)"},
	ENTK_COMMON_OPTIONS,
	{0},
};

static const char *const text = "Eigenvalues of each net's Gram matrix on x_train of D.npz, its effective dimension, "
				"its alignment with the targets, the "
				"largest stable\n"
				"learning rate, and the training loss that gradient descent will have after so many "
				"steps. With --sphere and no data: exact "
				"eigenvalues\n"
				"for unit vectors drawn uniformly, and with --target the test error that they predict.";

static EntkStatus take_count(const char *option, const char *value, uint64_t low, uint64_t high, size_t *count,
			     EntkError *error)
{
	uint64_t number;
	EntkStatus status = entk_parse_count(option, value, low, high, &number, error);
	if (status == ENTK_OK)
		*count = (size_t)number;
	return status;
}

static EntkStatus take(EntkLearnLine *line, int id, const char *value, EntkError *error)
{
	EntkSpectrumCommand *command = (EntkSpectrumCommand *)line;
	switch (id) {
	case TRAIN:
		return take_count("--train", value, 1, UINT32_MAX / 2, &command->limit, error);
	case RAW:
		command->raw = true;
		return ENTK_OK;
	case SPHERE:
		command->sphere = true;
		return ENTK_OK;
	case DEGREES:
		return take_count("--degrees", value, 1, 1000, &command->degrees, error);
	case TARGET:
		return take_count("--target", value, 0, 1000, &command->target_degree, error);
	case SIZES:
		return entk_parse_sizes("--sizes", value, ENTK_SPECTRUM_SIZES, command->sizes, &command->size_count,
					error);
	case NOISE:
		return entk_parse_real("--noise", value, 0, 1e6, &command->noise, error);
	case JSON:
		command->json_path = value;
		return ENTK_OK;
	default:
		command->figure = value;
		return ENTK_OK;
	}
}

static EntkStatus check(EntkLearnLine *line, EntkError *error)
{
	EntkSpectrumCommand *command = (EntkSpectrumCommand *)line;
	bool sphere_only =
		command->degrees || command->size_count || command->noise > 0 || command->target_degree != SIZE_MAX;
	if (!command->sphere && !line->arguments[0]) {
		entk_fail(error, ENTK_USAGE, NULL, "no data set; expected spectrum D.npz [options]");
		return entk_fix(error, "name a .npz file with x_train, y_train, or say --sphere");
	}
	if (command->sphere && line->arguments[0])
		return entk_fail(error, ENTK_USAGE, "--sphere", "needs no data, got \"%s\"", line->arguments[0]);
	if (!command->sphere && sphere_only)
		return entk_fail(error, ENTK_USAGE, NULL, "--degrees, --target, --sizes and --noise go with --sphere");
	if (command->target_degree == SIZE_MAX && (command->size_count || command->noise > 0))
		return entk_fail(error, ENTK_USAGE, command->size_count ? "--sizes" : "--noise",
				 "belongs to a learning curve, which --target=K asks for");
	if (command->sphere && entk_ridge_chosen(line->learn.rule))
		return entk_fail(error, ENTK_USAGE, "--ridge",
				 "expected a number beside --sphere: there are no samples to choose on");
	return ENTK_OK;
}

static EntkStatus check_outputs(const EntkSpectrumCommand *command, EntkError *error)
{
	EntkText path = {0};
	EntkStatus status =
		command->json_path ? entk_check_output(command->json_path, command->line.arguments[0], error) : ENTK_OK;
	if (status == ENTK_OK && command->figure) {
		entk_text_add(&path, "%s.svg", command->figure);
		status = path.failed ? entk_fail_memory(error, "a file's name", path.size)
				     : entk_check_output(path.bytes, NULL, error);
	}
	entk_text_destroy(&path);
	return status;
}

static EntkStatus run(EntkLearnLine *line, EntkError *error)
{
	EntkSpectrumCommand *command = (EntkSpectrumCommand *)line;
	EntkStatus status = check_outputs(command, error);
	entk_json_array(&command->json);
	if (status == ENTK_OK)
		status = command->sphere ? entk_spectrum_of_sphere(command, error)
					 : entk_spectrum_of_data(command, error);
	entk_json_close(&command->json, ']');
	return status == ENTK_OK && command->json_path ? entk_json_write(&command->json, command->json_path, error)
						       : status;
}

static void destroy(EntkLearnLine *line)
{
	entk_json_destroy(&((EntkSpectrumCommand *)line)->json);
}

int entk_command_spectrum(const EntkProgram *program, int argc, char **argv)
{
	static const EntkLearnCommand rules = {
		.usage = "spectrum D.npz|--sphere [options]",
		.text = text,
		.options = options,
		.names = {"data set"},
		.optional = true,
		.take = take,
		.check = check,
		.run = run,
		.destroy = destroy,
	};
	EntkSpectrumCommand command = {.target_degree = SIZE_MAX};
	return entk_learn_main(program, &rules, &command.line, argc, argv);
}
