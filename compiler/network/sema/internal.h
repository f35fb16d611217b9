/* What the files of the checker share.
 *
 * The checker works on closures: a net in the source is an expression together with the scope in which it was
 * written (def parameters, defaults). Applying it to the node that flows in appends the nodes of its layers. So a
 * `def` is checked anew, with full knowledge of its input, wherever it is used.
 *
 *   sema.c         items, defaults, --set
 *   report.c       errors with the uses that led to them; bounds on depth and steps
 *   symbols.c      the symbol table; what arguments and choices are called
 *   names.c        the language's own names; a pass over each right-hand side that finds unknown names and misplaced arguments
 *   value.c        kinds and values of expressions: numbers, dims, lists, choices
 *   group.c        group elements, groups, generated(...): values, too, so that it and value.c call each other
 *   args.c         arguments of layers: binding, defaults, ranges
 *   net.c          pipelines: composition, sums, repeats, uses of defs
 *   node.c         new nodes
 *   layer.c        one function per layer, and the table; layers.def, its rows
 *   pointwise.c    nonlinearities
 *   scaling.c      normalisation, dropout; concatenation
 *   support.c      windows, masks, elements
 *
 * Failure is always reported where it is found; a failed flow is "poisoned" and reports nothing further about types,
 * while the arguments of the layers behind it are still checked. */
#ifndef ENTK_SEMA_INTERNAL_H
#define ENTK_SEMA_INTERNAL_H

#include "network/sema/sema.h"

/* ---- limits (design section 2; the others keep time and memory bounded on hostile input) --------------------- */

#define LIMIT_LAYERS     100000u     /* of one net, after unrolling */
#define LIMIT_REPEAT     1000000u    /* n of `net ^ n` */
#define LIMIT_ELEMENTS   2147483647u /* of a shape: positions x channels or group elements */
#define LIMIT_DEGREE     100u        /* of monomials, polynomials and Hermite functions: (2n-1)!! stays a double */
#define LIMIT_CELLS      1048576u    /* of a window, and taps of a support */
#define LIMIT_DEPTH      3000u       /* recursion of the checker: nested parentheses, calls and uses of defs */
#define LIMIT_STEPS      5000000u    /* expressions evaluated for one item */
#define LIMIT_DEF_PARAMS 255u
#define LIMIT_GENERATED  4096u /* groups made by generated(...) in one program */
#define SCALAR_CACHE     65536u
#define LIMIT_TAPS_TOTAL 8388608u /* of all different supports of a program */

/* ---- tables of the language ---------------------------------------------------------------------------------- */

#define CHOICES(X)                  \
	X(VALID, "valid")           \
	X(SAME, "same")             \
	X(CIRCULAR, "circular")     \
	X(TRUE, "true")             \
	X(FALSE, "false")           \
	X(EVERYTHING, "everything") \
	X(POSITIONS, "positions")   \
	X(ELEMENTS, "elements")     \
	X(NTK, "ntk")               \
	X(STANDARD, "standard")     \
	X(TRAIN, "train")           \
	X(TEST, "test")             \
	X(NONE, "none")

typedef enum Choice {
#define X(id, text) CHOICE_##id,
	CHOICES(X)
#undef X
		CHOICE_COUNT
} Choice;

/* Arguments of layers: name, and whether default(...) may set it. */
#define LAYER_ARGS(X)                                 \
	X(SHAPE, "shape", false)                      \
	X(CHANNELS, "channels", false)                \
	X(BANDLIMIT, "bandlimit", false)              \
	X(NODES, "nodes", false)                      \
	X(N, "n", false)                              \
	X(INNER, "inner", false)                      \
	X(SYMMETRY, "symmetry", false)                \
	X(FILTER, "filter", false)                    \
	X(WINDOW, "window", false)                    \
	X(STRIDE, "stride", true)                     \
	X(DILATION, "dilation", true)                 \
	X(PADDING, "padding", true)                   \
	X(MASK, "mask", false)                        \
	X(SUPPORT, "elements", false)                 \
	X(NORMALIZE_EDGES, "normalize_edges", true)   \
	X(OVER, "over", false)                        \
	X(WEIGHT_STD, "weight_std", true)             \
	X(BIAS_STD, "bias_std", true)                 \
	X(WIDTH, "width", true)                       \
	X(PARAMETERIZATION, "parameterization", true) \
	X(S, "s", true)                               \
	X(ALPHA, "alpha", false)                      \
	X(A, "a", false)                              \
	X(B, "b", false)                              \
	X(C, "c", false)                              \
	X(BRANCHES, "branches", false)                \
	X(AXES, "over", false)                        \
	X(EPS, "eps", false)                          \
	X(KEEP, "keep", false)                        \
	X(MODE, "mode", false)                        \
	X(AXIS, "axis", false)                        \
	X(GAMMA, "gamma", false)                      \
	X(SHIFT, "shift", false)                      \
	X(DEGREE, "degree", false)                    \
	X(COEFFICIENTS, "coefficients", false)

typedef enum LayerArg {
#define X(id, text, in_default) ARG_##id,
	LAYER_ARGS(X)
#undef X
		ARG_COUNT
} LayerArg;

#define LAYER_MAX_ARGS 14

typedef struct Checker Checker;
typedef struct LayerCall LayerCall;
typedef struct Flow Flow;
typedef struct PointwiseValues PointwiseValues;

typedef enum LayerRole {
	ROLE_INPUT, /* stands at the beginning of a net */
	ROLE_LAYER
} LayerRole;

/* One row of layers.def. */
typedef struct LayerRow {
	const char *name;
	LayerRole role;
	void (*apply)(Checker *ch, const LayerCall *call, Flow *flow); /* NULL: not in this version */
	uint32_t positional;                                           /* the first ones may be given by position */
	uint32_t required;                                             /* the first ones must be given */
	LayerArg args[LAYER_MAX_ARGS]; /* the last one is ARG_COUNT; BRANCHES, the first: any number by position */
	void (*values)(PointwiseValues *values); /* a nonlinearity's: the arguments of its function */
} LayerRow;

/* ---- values -------------------------------------------------------------------------------------------------- */

typedef enum ValueKind {
	VALUE_POISON, /* an error that has been reported */
	VALUE_NUMBER,
	VALUE_DIMS,
	VALUE_STRING,
	VALUE_LIST,
	VALUE_NET,
	VALUE_GROUP,
	VALUE_CHOICE,
	VALUE_ELEMENT
} ValueKind;

typedef struct Scope Scope;

typedef struct Closure {
	const AstExpr *expr;
	const Scope *scope;
} Closure;

/* Acts on grids with more than `top_axis` axes; `planar`: only on images. */
typedef struct Element {
	GridElement element;
	uint32_t top_axis;
	bool planar;
} Element;

/* A group before its grid is known: C1 exists on signals, images and volumes. */
typedef struct GroupValue {
	const char *name;
	Span span;
	bool builtin;
	const Element *generators;
	uint32_t generator_count;
	const Group *on[GRID_MAX_DIM + 1]; /* filled when first asked for */
} GroupValue;

typedef struct Value Value;
struct Value {
	ValueKind kind;
	Choice choice;
	union {
		const Scalar *number;
		const AstExpr *literal; /* DIMS, STRING */
		const Closure *net;
		GroupValue *group;
		const Element *element;
		struct {
			const Value *items;
			const AstExpr *expr;
		} list; /* as many items as expr->as.list.count */
	} as;
};

/* ---- symbols ------------------------------------------------------------------------------------------------- */

typedef enum SymbolKind {
	SYMBOL_LANGUAGE, /* layers, functions of numbers, choices, built-in groups and elements */
	SYMBOL_LET,
	SYMBOL_PARAM,
	SYMBOL_GROUP,
	SYMBOL_DEF,
	SYMBOL_NET,
	SYMBOL_POISON /* a name whose definition failed, or an activation */
} SymbolKind;

typedef enum ElementName {
	ELEMENT_NONE,
	ELEMENT_ROT90,
	ELEMENT_FLIP_X,
	ELEMENT_FLIP_Y,
	ELEMENT_FLIP,
	ELEMENT_SWAP
} ElementName;

typedef struct Symbol Symbol;
struct Symbol {
	const char *name;
	SymbolKind kind;
	Symbol *next; /* same bucket */
	/* SYMBOL_LANGUAGE; `exp` is both a layer and a function */
	const LayerRow *layer;
	ScalarOp function; /* when is_function */
	bool is_function, is_pi, is_choice, is_generated, is_later_group, is_activation;
	Choice choice;
	ElementName element;
	GroupValue *group; /* SYMBOL_GROUP and built-in groups */
	/* the user's */
	const AstItem *item;
	Value value;        /* LET, PARAM */
	const Scope *scope; /* DEF, NET: where its right-hand side was written */
	bool poisoned;      /* DEF, NET: reported already */
};

/* What default(...) has set, the latest first. */
typedef struct Defaults Defaults;
struct Defaults {
	const Defaults *older;
	LayerArg arg;
	Value value;
	Span span;
};

struct Scope {
	const AstItem *def;  /* whose parameters are bound; NULL outside */
	const Value *values; /* one per parameter */
	const Defaults *defaults;
};

/* ---- the flow through a pipeline ------------------------------------------------------------------------------ */

struct Flow {
	Node *node;  /* the value that has arrived; NULL at the start of a net */
	bool fresh;  /* every path from the fork (or hole) crosses a weight layer */
	bool poison; /* an error has been reported */
};

typedef struct ArgValue {
	Value value;
	Span span;  /* of the value as written at the call, or in default(...) */
	bool given; /* at the call or by default(...) */
	bool at_call;
} ArgValue;

struct LayerCall {
	const LayerRow *layer;
	Span span;
	const char *label;
	bool poisoned; /* an argument failed */
	ArgValue args[LAYER_MAX_ARGS];
	const ArgValue *branches; /* nets, of a layer with BRANCHES */
	uint32_t branch_count;
};

/* Where the checker stands: uses of defs and repetitions around the layer, for notes. */
typedef struct Use Use;
struct Use {
	const Use *outer;
	Span span;
	const char *name;    /* of the def; NULL for a repetition */
	uint32_t repetition; /* from 1 */
};

typedef struct SupportCache SupportCache;

struct Checker {
	Arena *arena;
	Diag *diag;
	const SetOption *sets;
	uint32_t set_count;
	bool *set_used;

	Symbol **buckets;
	uint32_t bucket_count, symbol_count;

	Param *params;
	uint32_t param_count, param_capacity;
	Network **networks;
	uint32_t network_count, network_capacity;
	uint32_t generated_count;
	uint32_t suggestions; /* "did you mean" given so far; bounded */

	/* the net that is being built */
	const AstFile *file;   /* whose items are being checked */
	const char *item_name; /* for messages */
	Node **nodes;          /* in order of creation; NULL where a hole was filled */
	uint32_t node_count, node_capacity;
	Node *input;
	uint32_t layers;
	uint32_t steps;
	uint32_t depth;
	bool aborted; /* a limit was passed: everything fails silently now */
	const Use *use;

	/* stack for chains of operators, so that they need no recursion */
	const AstExpr **chain;
	size_t chain_count, chain_capacity;

	const Scalar **scalars; /* SCALAR_CACHE slots */
	SupportCache *supports;
	uint64_t taps_total;
};

/* ---- sema.c --------------------------------------------------------------------------------------------------- */

/* An error with notes that tell through which uses of defs the layer was reached. Always false. */
bool sema_error(Checker *ch, Span span, const char *code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void sema_chain_push(Checker *ch, const AstExpr *expr);
const AstExpr *sema_chain_pop(Checker *ch);
/* Around every recursive function: false when a limit is passed (reported). */
bool sema_enter(Checker *ch, Span span);
void sema_leave(Checker *ch);

/* ---- names.c --------------------------------------------------------------------------------------------- */

void sema_add_language(Checker *ch);
Symbol *sema_find(const Checker *ch, const char *name); /* NULL: unknown */
Symbol *sema_add_symbol(Checker *ch, const char *name, SymbolKind kind);
const char *sema_symbol_text(const Symbol *symbol); /* "a layer", "a net", ... */
const char *sema_arg_name(LayerArg arg);
bool sema_arg_in_default(LayerArg arg);
int sema_arg_by_name(const char *name); /* -1: none */
const char *sema_choice_name(Choice choice);
/* Hint for an unknown name; `pipeline`: a layer was wanted. */
void sema_suggest(Checker *ch, const char *name, bool pipeline, const AstItem *def);
/* One of the names that is near, or all of them. */
void sema_suggest_from(Checker *ch, const char *name, const char *const *names, size_t count);
/* The same, where another library's name for an argument may stand. */
void sema_suggest_argument(Checker *ch, const char *name, const char *const *names, size_t count);
/* Every name known, every call of the right shape? `pipeline`: a net is wanted. Reports; returns success. */
bool sema_resolve(Checker *ch, const AstExpr *expr, const AstItem *def, bool pipeline);

/* ---- value.c --------------------------------------------------------------------------------------------- */

const char *sema_kind_text(ValueKind kind); /* "a number" */
/* The kind an expression will have, found without evaluating it. */
ValueKind sema_kind(Checker *ch, const Scope *scope, const AstExpr *expr);
Value sema_value(Checker *ch, const Scope *scope, const AstExpr *expr);
const Scalar *sema_number(Checker *ch, const Scope *scope, const AstExpr *expr); /* NULL after an error */
const Value *sema_local(const Scope *scope, const char *name);                   /* NULL: not a parameter */
/* `what` wants a constant integer from `low` to `high`. */
bool sema_integer(Checker *ch, Span span, const Scalar *number, const char *what, uint64_t low, uint64_t high,
		  uint64_t *out);
bool sema_wrong_kind(Checker *ch, Span span, const char *place, const char *wanted, ValueKind found);

/* ---- group.c --------------------------------------------------------------------------------------------- */

const Element *sema_element(Checker *ch, const Scope *scope, const AstExpr *expr);
GroupValue *sema_group(Checker *ch, const Scope *scope, const AstExpr *expr, const char *name);
/* The group on grids of `dim` axes, or NULL (reported at `span`). */
const Group *sema_group_on(Checker *ch, GroupValue *group, uint32_t dim, Span span);
/* Closes permutations in cycle notation. Reports whether the limit is passed or that sets come later. */
void sema_permutations(Checker *ch, const Scope *scope, const AstExpr *call);

/* ---- args.c ---------------------------------------------------------------------------------------------- */

void sema_bind_args(Checker *ch, const Scope *scope, const LayerRow *layer, const AstExpr *expr, LayerCall *call);
const ArgValue *sema_arg(const LayerCall *call, LayerArg arg);
bool sema_arg_given(const LayerCall *call, LayerArg arg);
/* Kind of the value as far as the argument's name alone decides it: also for default(...). */
bool sema_check_arg(Checker *ch, LayerArg arg, const Value *value, Span span);
/* The getters below leave *out alone when the argument was not given. False after an error. */
void sema_arg_real(const LayerCall *call, LayerArg arg, const Scalar **out);
void sema_arg_choice(const LayerCall *call, LayerArg arg, Choice *out);
bool sema_arg_affine(Checker *ch, const LayerCall *call, Affine *out);
bool sema_arg_integer(Checker *ch, const LayerCall *call, LayerArg arg, uint64_t low, uint64_t high, uint64_t *out);
bool sema_arg_dims(Checker *ch, const LayerCall *call, LayerArg arg, uint32_t dim, uint32_t *out);

/* ---- net.c ----------------------------------------------------------------------------------------------- */

void sema_apply(Checker *ch, const Scope *scope, const AstExpr *expr, Flow *flow);
Node *sema_new_node(Checker *ch, NodeKind kind, Span span, const char *label, Node *input, Type type);
/* Builds a whole net; NULL after an error. */
Network *sema_build_network(Checker *ch, const AstItem *item, const Scope *scope);
/* `inner` as a complete net that ends on a vector; NULL after an error. */
Node *sema_apply_complete(Checker *ch, const Closure *inner, Span span);
/* The sum of a net and the identity. */
void sema_apply_skip(Checker *ch, const Closure *inner, Span span, Flow *flow);
/* Branches joined along the channels (CONCAT_CHANNELS) or a grid axis, written at `axis_span`. */
void sema_apply_concat(Checker *ch, const LayerCall *call, uint32_t axis, Span axis_span, Flow *flow);

/* ---- support.c ------------------------------------------------------------------------------------------- */

/* Window of conv, lift and pools on a grid: argument FILTER or WINDOW, STRIDE, DILATION, PADDING. `shape` becomes the
 * output's. */
bool sema_window(Checker *ch, const LayerCall *call, LayerArg size, const Type *type, Padding padding,
		 bool stride_is_window, Window *window, uint32_t *shape);
/* MASK and SUPPORT. `group`: NULL for plain convolutions and lifts. */
bool sema_support(Checker *ch, const LayerCall *call, const Window *window, uint32_t dim, const Group *group,
		  Support *support);

/* ---- layer.c --------------------------------------------------------------------------------------------- */

extern const LayerRow sema_layers[];
extern const uint32_t sema_layer_count;

/* ---- pointwise.c: rows of nonlinearities.def --------------------------------------------------------------- */

void sema_apply_pointwise(Checker *ch, const LayerCall *call, Flow *flow);
/* Are the features that arrive Gaussian? Reports what to insert, and poisons the flow. */
bool sema_needs_gaussian(Checker *ch, const LayerCall *call, Flow *flow);
#define FUNCTION(id, arguments, odd, factors, coefficients, operations, low, high)
#define LAYER_NAME(name, id, positional, required, arguments, ...) void sema_values_##name(PointwiseValues *values);
#include "network/nonlinearities.def"
#undef FUNCTION
#undef LAYER_NAME

/* ---- scaling.c: layers that divide or multiply by what variances say, and concatenation --------------------- */

void sema_apply_layernorm(Checker *ch, const LayerCall *call, Flow *flow);
void sema_apply_dropout(Checker *ch, const LayerCall *call, Flow *flow);
void sema_apply_concat_layer(Checker *ch, const LayerCall *call, Flow *flow);

#endif
