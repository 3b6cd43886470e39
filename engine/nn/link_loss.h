// Losses of link prediction over the vectors of two towers and the logits of targets inside a seed's subgraph
// (docs/model.md, losses): means over the pairs of a batch, and their gradients. One pass, in order: the same
// bits with any number of threads.
#pragma once

#include <cstdint>

#include "tensor/matrix.h"

namespace rle {

// A source and one of its targets, beside targets that are none of its. Borrowed.
struct LinkPairs {
  int64_t count = 0;                  // P
  const int32_t* source = nullptr;    // (P) rows of the seeds' vectors
  const int32_t* positive = nullptr;  // (P) likewise; kFusion: -1 where it lies inside the subgraph
  int64_t negatives = 0;
  const int32_t* negative = nullptr;  // (P, negatives) likewise; -1: none

  // Fusion only. The candidates inside a source's subgraph: nodes seen[seen_offsets[i] .. seen_offsets[i+1])
  // of the target type, its positive among them or not, none of its other targets.
  const int32_t* seen_offsets = nullptr;   // (P + 1)
  const int32_t* seen = nullptr;           // (candidates)
  const int32_t* seen_positive = nullptr;  // (P) a node of the target type, or -1
  const float* log_weight = nullptr;       // (P) log of how many unseen targets each negative stands for
};

// Bayesian personalised ranking (Rendle et al. 2009): mean over pairs and negatives of
// log(1 + exp(-(s(source, positive) - s(source, negative)))), s = dot product. vectors, dvectors: (seeds,
// channels); dvectors is set.
double bpr_loss(ConstMatrix vectors, const LinkPairs& pairs, Matrix dvectors);

// Cross entropy of the positive among the candidates inside the subgraph (score: their logit), itself and the
// negatives outside (score: dot product + the source's last column). A negative counts exp(log_weight) times,
// so that scores inside and outside compare as they will at inference over all targets. vectors: (seeds,
// channels + 1); logits, dlogits: (nodes of the target type). Both gradients are set.
double fusion_loss(ConstMatrix vectors, ConstMatrix logits, const LinkPairs& pairs, Matrix dvectors,
                   Matrix dlogits);

}  // namespace rle
