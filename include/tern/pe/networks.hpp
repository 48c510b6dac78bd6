// SPDX-License-Identifier: MIT
// Networks as lists of layers, for reports.
#pragma once

#include <tern/pe/cycles.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {

/// ResNet-18 at 224 x 224, with its three 1 x 1 shortcuts.
inline constexpr layer resnet18[] = {
    conv_layer("conv1", 224, 3, 64, 7, 2, 3),
    conv_layer("conv2_1a", 56, 64, 64, 3, 1, 1),
    conv_layer("conv2_1b", 56, 64, 64, 3, 1, 1),
    conv_layer("conv2_2a", 56, 64, 64, 3, 1, 1),
    conv_layer("conv2_2b", 56, 64, 64, 3, 1, 1),
    conv_layer("conv3_1a", 56, 64, 128, 3, 2, 1),
    conv_layer("conv3_1b", 28, 128, 128, 3, 1, 1),
    conv_layer("conv3_1s", 56, 64, 128, 1, 2, 0),
    conv_layer("conv3_2a", 28, 128, 128, 3, 1, 1),
    conv_layer("conv3_2b", 28, 128, 128, 3, 1, 1),
    conv_layer("conv4_1a", 28, 128, 256, 3, 2, 1),
    conv_layer("conv4_1b", 14, 256, 256, 3, 1, 1),
    conv_layer("conv4_1s", 28, 128, 256, 1, 2, 0),
    conv_layer("conv4_2a", 14, 256, 256, 3, 1, 1),
    conv_layer("conv4_2b", 14, 256, 256, 3, 1, 1),
    conv_layer("conv5_1a", 14, 256, 512, 3, 2, 1),
    conv_layer("conv5_1b", 7, 512, 512, 3, 1, 1),
    conv_layer("conv5_1s", 14, 256, 512, 1, 2, 0),
    conv_layer("conv5_2a", 7, 512, 512, 3, 1, 1),
    conv_layer("conv5_2b", 7, 512, 512, 3, 1, 1),
    dense_layer("fc", 512, 1000),
};

/// FINN's CNV for CIFAR-10: 3 x 3 without padding, max-pooling behind the second and fourth.
inline constexpr layer cnv[] = {
    conv_layer("conv1", 32, 3, 64, 3, 1, 0),
    conv_layer("conv2", 30, 64, 64, 3, 1, 0),
    conv_layer("conv3", 14, 64, 128, 3, 1, 0),
    conv_layer("conv4", 12, 128, 128, 3, 1, 0),
    conv_layer("conv5", 5, 128, 256, 3, 1, 0),
    conv_layer("conv6", 3, 256, 256, 3, 1, 0),
    dense_layer("fc1", 256, 512),
    dense_layer("fc2", 512, 512),
    dense_layer("fc3", 512, 10),
};

/// examples/fashion_mnist, whose pixels are integers and whose other activations are ternary.
inline constexpr layer fashion_mnist[] = {
    conv_layer("conv1", 28, 1, 32, 3, 1, 1),
    conv_layer("conv2", 14, 32, 64, 3, 1, 1),
    conv_layer("conv3", 7, 64, 128, 3, 1, 1),
    dense_layer("fc", 1152, 10),
};

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
