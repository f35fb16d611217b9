/* Which reductions of docs/math.md hold for a net: a proof on the layers' index relations, not a guess.
 *
 * Verdicts, as `entkc --explain=full` names them:
 *   image average    [KR-19]: symmetric supports and symmetric anchors [KR-23]
 *   relative index   [KR-17]: symmetric supports
 *   general          [KR-22]: some support is not H-symmetric: the index r stays
 *   none             no group
 */
#ifndef ENTK_SYMMETRY_H
#define ENTK_SYMMETRY_H

#include "base/diag.h"
#include "network/network.h"

typedef enum SymmetryVerdict {
	SYMMETRY_IMAGE_AVERAGE,
	SYMMETRY_RELATIVE_INDEX,
	SYMMETRY_GENERAL,
	SYMMETRY_NONE
} SymmetryVerdict;

typedef struct Symmetry {
	SymmetryVerdict verdict;
	const Group *group; /* of the first lift; !invariant: the group under which the kernel is not; NULL for NONE */
	const Node *stops_at; /* the layer where a stronger reduction stops; NULL for IMAGE_AVERAGE and NONE */
	const char *reason;   /* why, in one line, naming the axis: "anchors not symmetric on axis 0" */
	bool invariant; /* [KR-24]: is the pooled kernel proved invariant under H? true when there is no group pool */
	const Node *broken_at; /* !invariant: the layer that breaks it */
	const char *broken_reason;
	const char *remedy; /* !invariant: what would keep the symmetry */
} Symmetry;

Symmetry symmetry_analyse(Arena *arena, const Network *network);
/* One warning per net whose pooled kernel is not proved invariant: which layer, and what would keep the symmetry. */
void symmetry_warn(Diag *diag, Arena *arena, const Network *network);
const char *symmetry_verdict_text(SymmetryVerdict verdict);

/* What the proof says of the net, for its user, without the net's name: "invariant under C4: yes". */
const char *symmetry_summary(Arena *arena, const Network *network);

/* m(rho(h) y) = m(y) for all h and y, with m the spatial marginal of the support of a LIFT or GROUP_CONV. */
bool support_is_symmetric(const Node *conv);
/* Support of a GROUP_CONV invariant under (h,y) -> (g h, rho(g) y): its output depends on q alone, whatever its input
 * [KR-18]. */
bool support_is_left_invariant(const Node *conv);

#endif
