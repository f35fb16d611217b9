/* main() of a generated program, alone in its file: other programs link libentk with a main of their own. */
#include "commands.h"

int main(int argc, char **argv)
{
	return entk_main(entk_program(), argc, argv);
}
