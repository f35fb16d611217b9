/* Written by scripts/fit_dual.py; the script says what is fitted. Lowest power first; the numbers of the float
 * tables are floats. */
/* clang-format off */
#ifndef ENTK_COEFFICIENTS_H
#define ENTK_COEFFICIENTS_H

/* t B(v) on [1, sqrt 2], f32: error 6.8e-8 */
static const double coef_abrelu_f32[] = {
	0x1.1a038a0000000p+0,
	-0x1.d24f540000000p-2,
	0x1.7773980000000p-3,
	-0x1.a007d40000000p-5,
	0x1.b1f19e0000000p-8,
};

/* t B(v) on [1, sqrt 2], f64: error 1.0e-16 */
static const double coef_abrelu_f64[] = {
	0x1.1c543f9024b4ap+0,
	-0x1.ff627920e3bfap-2,
	0x1.1981c4bb75317p-2,
	-0x1.454198e483fe7p-3,
	0x1.6ba356df181b6p-4,
	-0x1.6ca5b40048d04p-5,
	0x1.30b5f904405e4p-6,
	-0x1.8abda820252c6p-8,
	0x1.6caa243817230p-10,
	-0x1.a6e61ac5cad45p-13,
	0x1.cbcba1d1060abp-17,
};

/* R(1 - u) on [0, 1 - 1/sqrt 2], f32, relative: error 8.3e-8 */
static const double coef_erf_f32[] = {
	0x1.0000000000000p+0,
	0x1.55531a0000000p-2,
	0x1.11a2400000000p-3,
	0x1.bd82e80000000p-5,
	0x1.257ce40000000p-5,
};

/* R(1 - u) on [0, 1 - 1/sqrt 2], f64, relative: error 2.3e-16 */
static const double coef_erf_f64[] = {
	0x1.0000000000000p+0,
	0x1.5555555554e05p-2,
	0x1.11111111a7e17p-3,
	0x1.d41d414d75448p-5,
	0x1.a01a1f4870664p-6,
	0x1.7a4273591e379p-7,
	0x1.5d773a1fd30bep-8,
	0x1.4241d565fa6aep-9,
	0x1.4f9fa572b4670p-10,
	0x1.30d58fbde20bap-12,
	0x1.37cc088c7b774p-11,
};

#endif
