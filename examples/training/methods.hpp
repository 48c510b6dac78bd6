// SPDX-License-Identifier: MIT
// The table of methods by name, each through tern's own forward and backward.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "activation_methods.hpp"
#include "level_weights.hpp"
#include "ternary_weights.hpp"

namespace training {

/// Every method by its name, in the order of the study.
inline std::vector<std::string> method_names() {
    return {"float", "bwn", "sq-bwn",   "twn",    "sq-twn", "least-squares", "absmean", "tga",
            "ttq",   "rtn", "xnor",     "xnor++", "wrpn",   "wrpn-2x",       "dorefa",  "pact",
            "lsq",   "esb", "biscaled", "slb",    "srq",    "dropbits",      "codebook"};
}

inline method make_method(const std::string& name, const std::shared_ptr<course>& time) {
    if (name == "float") return {};
    if (name == "twn") return {twn_weights(), pact_activations(8)};
    if (name == "bwn") return {bwn_weights(), pact_activations(8)};
    if (name == "sq-bwn") return {stochastic_weights(bwn_weights(), time), pact_activations(8)};
    if (name == "sq-twn") return {stochastic_weights(twn_weights(), time), pact_activations(8)};
    if (name == "least-squares") return {least_squares_weights(), pact_activations(8)};
    if (name == "absmean") return {absmean_weights(), pact_activations(8)};
    if (name == "tga") return {tga_weights(), pact_activations(8)};
    if (name == "wrpn") return {wrpn_weights(2), wrpn_activations()};
    if (name == "wrpn-2x") return {wrpn_weights(2), wrpn_activations(), false, 2};
    if (name == "ttq") return {ttq_weights(), pact_activations(8)};
    if (name == "rtn") return {twn_weights(), rtn_activations()};
    if (name == "xnor") return {binary_weights(false), sign_activations()};
    if (name == "xnor++") return {binary_weights(true), sign_activations(), true};
    if (name == "dorefa") return {dorefa_weights(2), dorefa_activations()};
    if (name == "pact") return {dorefa_weights(2), pact_activations(2)};
    if (name == "lsq") return {stepped_weights(2, false, false, time), lsq_activations()};
    if (name == "esb") return {esb_weights(4, 1), pact_activations(8)};
    if (name == "biscaled") return {biscaled_weights(4, 4), pact_activations(8)};
    if (name == "slb") return {slb_weights(2, time), pact_activations(8)};
    if (name == "srq") return {stepped_weights(3, true, false, time), pact_activations(8)};
    if (name == "dropbits") return {stepped_weights(3, true, true, time), pact_activations(8)};
    if (name == "codebook") return {codebook_method(time), pact_activations(8)};
    std::string all;
    for (const std::string& n : method_names()) all += ' ' + n;
    throw std::runtime_error("no method '" + name + "'; there are" + all);
}

}  // namespace training
