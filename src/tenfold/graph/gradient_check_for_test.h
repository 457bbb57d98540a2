// Gradients against central differences, in f64: for tests of autodiff and of architectures.
#pragma once

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tenfold/graph/autodiff.h"
#include "tenfold/graph/reference_interpreter.h"

namespace tenfold::graph {

// Normal numbers; about 1 where a vector weighs.
inline ReferenceInterpreter<double>::Tensors RandomParameters(const Graph& graph, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, 0.5);
  ReferenceInterpreter<double>::Tensors tensors;
  for (const Parameter& parameter : graph.parameters) {
    std::vector<double>& tensor = tensors[parameter.name];
    if (!tensor.empty()) continue;  // the same one once more
    tensor.resize(static_cast<size_t>(parameter.shape.num_elements()));
    for (double& element : tensor) element = normal(random) + (parameter.use == ParameterUse::kVector ? 1 : 0);
  }
  return tensors;
}

// Every element of every parameter: its gradient and the slope of the scaled sum of losses agree within `relative` of
// the greatest slope of its tensor.
inline void ExpectGradientsAreSlopes(const Graph& model, const TrainingBatch& batch, double relative,
                                     double z_loss = 0) {
  const TrainingGraph training = Differentiate(model, z_loss);
  ReferenceInterpreter<double> interpreter(training.graph, RandomParameters(model, 1));
  interpreter.Run(batch);
  const auto gradients = interpreter.gradients();
  const auto loss = [&] {
    interpreter.Run(batch, training.num_forward_nodes);
    double sum = 0;
    for (const double each : interpreter.value(training.graph.output)) sum += each;
    return sum * batch.gradient_scale;
  };
  for (auto& [name, tensor] : interpreter.parameters()) {
    ASSERT_TRUE(gradients.contains(name)) << name;
    const std::vector<double>& gradient = gradients.at(name);
    std::vector<double> slopes;
    for (double& element : tensor) {
      constexpr double kStep = 1e-5;  // errors of kStep^2 from curvature and 1e-16 / kStep from rounding
      const double there = element;
      element = there + kStep;
      const double above = loss();
      element = there - kStep;
      const double below = loss();
      element = there;
      slopes.push_back((above - below) / (2 * kStep));
    }
    double greatest = 0;
    for (const double slope : slopes) greatest = std::max(greatest, std::abs(slope));
    ASSERT_GT(greatest, 0) << name << " changes nothing: the test is blind";
    for (size_t i = 0; i < slopes.size(); ++i) {
      ASSERT_NEAR(gradient[i], slopes[i], relative * greatest) << name << "[" << i << "]";
    }
  }
}

}  // namespace tenfold::graph
