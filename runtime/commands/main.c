/* main() of a generated program, alone in its file: other programs link libentk with a main of their own. */
#include "commands/commands.h"

#include "numerics/blas.h"

int main(int argc, char **argv)
{
	entk_blas_choose_kernels(argv);
	return entk_main(entk_program(), argc, argv);
}
