// RLPD's whole update written directly on libtorch's autograd, timed: what `rlpd bench update` measures, without the
// engine. Weights, moments and losses are float32; with bfloat16 the layers compute in bfloat16, but for the heads of Q
// and of the policy. Convolutions are channels-last throughout, which is what oneDNN is fast at. The stacks come as
// uint8 tensors that are there already, so that stacking frames, which `rlpd bench update` counts, costs nothing here.
//   update PRECISION THREADS OBS BATCH ENSEMBLE SIDE UTD ITERATIONS   one JSON object
//   update check FILE                                                 a golden update (run.mjs writes the file)
#include <malloc.h>
#include <torch/torch.h>

#include <chrono>
#include <fstream>
#include <iostream>

using torch::Tensor;
using Tensors = std::map<std::string, Tensor>;

struct Config {
  std::vector<int64_t> channels{32, 64, 128, 256};
  int64_t trunkWidth = 50, hiddenLayers = 2, hiddenWidth = 256, ensembleSize = 10, actionSize = 6, inputs = 0;
  bool entropyBackup = false;
  double discount = 0.99, emaRate = 0.005;
  double criticRate = 3e-4, actorRate = 3e-4, temperatureRate = 3e-4;
  torch::ScalarType precision = torch::kFloat;
};

struct Batch {
  Tensor observation, next, actions, rewards, masks, nextNoise, noise, subset;
};

struct Distribution {
  Tensor mean, logStd;
};

struct Learner {
  Config config;
  Tensors parameters;  // "critic/…", "targetCritic/…", "actor/…", "temperature/log", as the project names them
  std::unique_ptr<torch::optim::Adam> critic, actor, temperature;

  explicit Learner(Config settings) : config(std::move(settings)) {}

  std::string layer(int64_t i) const { return std::to_string(i + 1); }

  void initialise(int64_t features) {
    auto uniform = [](std::vector<int64_t> shape, int64_t fanIn, int64_t fanOut) {
      return torch::empty(shape).uniform_(-1, 1).mul_(std::sqrt(6.0 / double(fanIn + fanOut)));
    };
    auto dense = [&](const std::string& name, int64_t members, int64_t in, int64_t out) {
      parameters[name + "/weight"] = uniform({members, in, out}, in, out);
      parameters[name + "/bias"] = torch::zeros({members, out});
    };
    auto norm = [&](const std::string& name, int64_t members, int64_t width) {
      parameters[name + "/gain"] = torch::ones({members, width});
      parameters[name + "/offset"] = torch::zeros({members, width});
    };
    int64_t in = 9, representation = config.inputs;
    for (size_t i = 0; i < config.channels.size(); i++) {
      const std::string name = "critic/encoder/conv" + layer(i);
      const int64_t out = config.channels[i];
      parameters[name + "/filter"] = uniform({out, in, 3, 3}, 9 * in, 9 * out).contiguous(at::MemoryFormat::ChannelsLast);
      parameters[name + "/bias"] = torch::zeros({out});
      in = out;
    }
    if (!config.channels.empty()) {
      representation = config.trunkWidth;
      for (const std::string group : {"critic", "actor"}) {
        dense(group + "/trunk", 1, features, config.trunkWidth);
        norm(group + "/trunk/norm", 1, config.trunkWidth);
      }
    }
    for (int64_t i = 0; i < config.hiddenLayers; i++) {
      const int64_t first = i == 0 ? representation : config.hiddenWidth;
      dense("critic/heads/hidden" + layer(i), config.ensembleSize, first + (i == 0 ? config.actionSize : 0), config.hiddenWidth);
      norm("critic/heads/hidden" + layer(i) + "/norm", config.ensembleSize, config.hiddenWidth);
      dense("actor/policy/hidden" + layer(i), 1, first, config.hiddenWidth);
    }
    dense("critic/heads/output", config.ensembleSize, config.hiddenWidth, 1);
    dense("actor/policy/heads", 2, config.hiddenWidth, config.actionSize);
    parameters["temperature/log"] = torch::tensor(std::log(0.1f));
    for (const auto& [name, value] : Tensors(parameters))
      if (name.rfind("critic/", 0) == 0) parameters["targetC" + name.substr(1)] = value.clone();
    optimise();
  }

  std::vector<Tensor> group(const std::string& prefix) const {
    std::vector<Tensor> members;
    for (const auto& [name, value] : parameters)
      if (name.rfind(prefix + "/", 0) == 0) members.push_back(value);
    return members;
  }

  void optimise() {
    auto adam = [&](const std::string& prefix, double rate) {
      auto members = group(prefix);
      for (auto& member : members) member.set_requires_grad(true);
      return std::make_unique<torch::optim::Adam>(members, torch::optim::AdamOptions(rate));
    };
    critic = adam("critic", config.criticRate);
    actor = adam("actor", config.actorRate);
    temperature = adam("temperature", config.temperatureRate);
  }

  const Tensor& at(const std::string& name) const { return parameters.at(name); }

  // [B, H, W, C] in 0..1 → [B, F]; state passes through.
  Tensor features(const std::string& group, const Tensor& observation) const {
    if (config.channels.empty()) return observation;
    Tensor x = observation.to(config.precision).permute({0, 3, 1, 2});
    for (size_t i = 0; i < config.channels.size(); i++) {
      const std::string name = group + "/encoder/conv" + layer(i);
      x = torch::conv2d(x, at(name + "/filter").to(config.precision), at(name + "/bias").to(config.precision), 2).relu_();
    }
    return x.permute({0, 2, 3, 1}).flatten(1);
  }

  // x [B, I] or [E, B, I] → [E, B, O]; `members` chooses some.
  Tensor dense(const Tensor& x, const std::string& name, torch::ScalarType type, const Tensor& members = {}) const {
    Tensor weight = chosen(at(name + "/weight"), members).to(type), bias = chosen(at(name + "/bias"), members).to(type);
    Tensor wide = x.to(type);
    if (wide.dim() == 2) wide = wide.unsqueeze(0).expand({weight.size(0), -1, -1});
    return torch::baddbmm(bias.unsqueeze(1), wide, weight);
  }

  Tensor norm(const Tensor& x, const std::string& name, const Tensor& members = {}) const {
    const Tensor gain = chosen(at(name + "/gain"), members), offset = chosen(at(name + "/offset"), members);
    const Tensor normal = torch::layer_norm(x, {x.size(-1)}, {}, {}, 1e-6);
    return torch::addcmul(offset.to(x.scalar_type()).unsqueeze(1), normal, gain.to(x.scalar_type()).unsqueeze(1));
  }

  static Tensor chosen(const Tensor& all, const Tensor& members) {
    return members.defined() ? all.index_select(0, members) : all;
  }

  Tensor represent(const std::string& group, const Tensor& features) const {
    if (config.channels.empty()) return features;
    return norm(dense(features, group + "/trunk", config.precision), group + "/trunk/norm").tanh().squeeze(0);
  }

  Tensor values(const std::string& group, const Tensor& representation, const Tensor& action, const Tensor& members = {}) const {
    Tensor x = torch::cat({representation.to(torch::kFloat), action}, 1);
    for (int64_t i = 0; i < config.hiddenLayers; i++) {
      const std::string name = group + "/heads/hidden" + layer(i);
      x = norm(dense(x, name, config.precision, members), name + "/norm", members).relu_();
    }
    return dense(x, group + "/heads/output", torch::kFloat, members).squeeze(2);
  }

  Distribution distribution(const Tensor& features) const {
    Tensor x = represent("actor", features);
    for (int64_t i = 0; i < config.hiddenLayers; i++)
      x = dense(x, "actor/policy/hidden" + layer(i), config.precision).relu_();
    const Tensor heads = dense(x.squeeze(0), "actor/policy/heads", torch::kFloat);
    return {heads[0], heads[1].clamp(-20, 2)};
  }

  // The action and log π of it.
  static std::pair<Tensor, Tensor> sample(const Distribution& distribution, const Tensor& noise) {
    const Tensor u = distribution.mean + distribution.logStd.exp() * noise;
    const Tensor gaussian = -0.5 * noise.square() - distribution.logStd - 0.5 * std::log(2 * M_PI);
    const Tensor jacobian = 2 * (std::log(2.0) - u - torch::softplus(-2 * u));
    return {u.tanh(), (gaussian - jacobian).sum(1)};
  }

  static void step(torch::optim::Adam& optimiser, const Tensor& loss) {
    auto& members = optimiser.param_groups()[0].params();
    const auto gradients = torch::autograd::grad({loss}, members);
    for (size_t i = 0; i < members.size(); i++) members[i].mutable_grad() = gradients[i];
    optimiser.step();
  }

  // Moves the critics; leaves the features of the observation as they were before.
  std::vector<float> criticStep(const Batch& batch, Tensor& features) {
    Tensor target;
    {
      torch::NoGradGuard noGradient;
      const auto [action, logProbability] = sample(distribution(this->features("critic", batch.next)), batch.nextNoise);
      const Tensor representation = represent("targetCritic", this->features("targetCritic", batch.next));
      Tensor following = std::get<0>(values("targetCritic", representation, action, batch.subset).min(0));
      if (config.entropyBackup) following = following - at("temperature/log").exp() * logProbability;
      target = batch.rewards + config.discount * batch.masks * following;
    }
    const Tensor kept = this->features("critic", batch.observation);
    const Tensor q = values("critic", represent("critic", kept), batch.actions);
    const Tensor loss = (q - target).square().mean();
    step(*critic, loss);
    features = kept.detach();
    torch::NoGradGuard noGradient;
    for (auto& [name, value] : parameters)
      if (name.rfind("critic/", 0) == 0) parameters["targetC" + name.substr(1)].lerp_(value, config.emaRate);
    return {loss.item<float>(), q.mean().item<float>(), target.mean().item<float>()};
  }

  std::vector<float> fullStep(const Batch& batch) {
    Tensor features, updated;
    auto metrics = criticStep(batch, features);
    const Tensor alpha = at("temperature/log").detach().exp();
    {
      torch::NoGradGuard noGradient;
      updated = represent("critic", this->features("critic", batch.observation));
    }
    const auto [action, logProbability] = sample(distribution(features), batch.noise);
    const Tensor loss = alpha * logProbability.mean() - values("critic", updated, action).mean();
    const Tensor entropy = -logProbability.mean().detach();
    step(*actor, loss);
    const Tensor temperatureLoss = at("temperature/log").exp() * (entropy + config.actionSize / 2.0);
    step(*temperature, temperatureLoss);
    for (const Tensor& metric : {loss, entropy, alpha, temperatureLoss}) metrics.push_back(metric.item<float>());
    return metrics;
  }
};

// The random shift: pad 4 with edge pixels, crop at `shifts` [B, 2]; uint8 [B, H, W, C] → 0..1.
Tensor shifted(const Tensor& images, const Tensor& shifts) {
  const int64_t rows = images.size(0), side = images.size(1);
  const Tensor place = torch::arange(side).unsqueeze(0) - 4;
  const Tensor y = (place + shifts.select(1, 0).unsqueeze(1)).clamp(0, side - 1);
  const Tensor x = (place + shifts.select(1, 1).unsqueeze(1)).clamp(0, side - 1);
  const Tensor row = torch::arange(rows).view({rows, 1, 1});
  return images.index({row, y.unsqueeze(2), x.unsqueeze(1)}).to(torch::kFloat).div_(255);
}

struct RawBatch {
  Batch batch;
  Tensor shifts, nextShifts;

  Batch ready() const {
    if (!shifts.defined()) return batch;
    Batch made = batch;
    made.observation = shifted(batch.observation, shifts);
    made.next = shifted(batch.next, nextShifts);
    return made;
  }
};

int bench(char** arguments) {
  const std::string precision = arguments[1], obs = arguments[3];
  const int threads = std::stoi(arguments[2]);
  const int64_t rows = std::stol(arguments[4]), members = std::stol(arguments[5]), side = std::stol(arguments[6]);
  const int64_t utd = std::stol(arguments[7]), iterations = std::stol(arguments[8]);
  at::set_num_threads(threads);
  // Large tensors come from the heap and stay there, instead of being mapped and faulted in anew for each layer.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  torch::manual_seed(0);
  const bool pixels = obs == "pixels";
  Config config;
  config.ensembleSize = members;
  config.precision = precision == "bfloat16" ? torch::kBFloat16 : torch::kFloat;
  if (!pixels) {
    config.channels.clear();
    config.inputs = 24;
    config.entropyBackup = true;
  }
  std::vector<RawBatch> batches;
  for (int64_t i = 0; i < 2 * utd; i++) {
    auto image = [&] { return torch::randint(256, {rows, side, side, 9}, torch::kByte); };
    auto shift = [&] { return torch::randint(9, {rows, 2}, torch::kLong); };
    auto state = [&] { return torch::randn({rows, 24}); };
    RawBatch raw;
    raw.batch = {pixels ? image() : state(), pixels ? image() : state(), torch::rand({rows, 6}) * 2 - 1, torch::rand({rows}),
                 torch::ones({rows}), torch::randn({rows, 6}), torch::randn({rows, 6}),
                 torch::randperm(members).slice(0, 0, std::min<int64_t>(members, pixels ? 1 : 2))};
    if (pixels) {
      raw.shifts = shift();
      raw.nextShifts = shift();
    }
    batches.push_back(raw);
  }
  int64_t left = side;
  for (size_t i = 0; i < config.channels.size(); i++) left = (left - 3) / 2 + 1;
  Learner learner(config);
  learner.initialise(left * left * 256);
  std::vector<double> times;
  std::vector<float> metrics;
  for (int64_t i = 0; i < iterations + 2; i++) {
    const auto start = std::chrono::steady_clock::now();
    for (int64_t g = 0; g < utd; g++) {
      const Batch batch = batches[(i % 2) * utd + g].ready();
      Tensor features;
      metrics = g == utd - 1 ? learner.fullStep(batch) : learner.criticStep(batch, features);
    }
    const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
    if (i >= 2) times.push_back(taken.count() / double(utd));
  }
  for (const float metric : metrics)
    if (!std::isfinite(metric)) throw std::runtime_error("a metric is not finite");
  std::sort(times.begin(), times.end());
  const double median = (times[(times.size() - 1) / 2] + times[times.size() / 2]) / 2;
  int64_t critic = 0, actor = 0;
  for (const Tensor& member : learner.group("critic")) critic += member.numel();
  for (const Tensor& member : learner.group("actor")) actor += member.numel();
  std::cout << "{\"program\":\"libtorch " << TORCH_VERSION << "\",\"precision\":\"" << precision << "\",\"threads\":" << threads
            << ",\"obs\":\"" << obs << "\",\"batchSize\":" << rows << ",\"ensembleSize\":" << members << ",\"imageSize\":" << side
            << ",\"utdRatio\":" << utd << ",\"parameters\":{\"critic\":" << critic << ",\"actor\":" << actor
            << "},\"msPerUpdate\":" << median << "}" << std::endl;
  return 0;
}

// The file is words: "NAME DIMENSIONS SIZE… VALUE…" over and over.
Tensors readTensors(const char* path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(std::string("cannot read ") + path);
  Tensors tensors;
  std::string name;
  int64_t dimensions;
  while (file >> name >> dimensions) {
    std::vector<int64_t> shape(static_cast<size_t>(dimensions));
    for (auto& size : shape) file >> size;
    Tensor value = torch::empty(shape);
    for (int64_t i = 0; i < value.numel(); i++) file >> value.data_ptr<float>()[i];
    const bool isFilter = name.find("/filter") != std::string::npos;
    // The project's filters are [H, W, in, out].
    tensors[name] = isFilter ? value.permute({3, 2, 0, 1}).contiguous(at::MemoryFormat::ChannelsLast) : value;
  }
  return tensors;
}

int check(const char* path) {
  const Tensors golden = readTensors(path);
  auto number = [&](const std::string& name) { return golden.at(name).item<double>(); };
  Config config;
  const bool pixels = golden.count("minibatch0/image") > 0;
  config.channels = pixels ? std::vector<int64_t>{3, 4} : std::vector<int64_t>{};
  config.hiddenLayers = int64_t(number("config/hiddenLayers"));
  config.ensembleSize = int64_t(number("config/ensembleSize"));
  config.entropyBackup = number("config/entropyBackup") != 0;
  config.criticRate = number("config/criticLearningRate");
  config.actorRate = number("config/actorLearningRate");
  config.temperatureRate = number("config/temperatureLearningRate");
  config.actionSize = golden.at("minibatch0/actions").size(1);
  Learner learner(config);
  for (const auto& [name, value] : golden)
    if (name.rfind("before/", 0) == 0 && name.find("/adam/") == std::string::npos)
      learner.parameters[name.substr(7)] = value.clone(at::MemoryFormat::Preserve);
  learner.optimise();
  for (auto* optimiser : {learner.critic.get(), learner.actor.get(), learner.temperature.get()})
    for (const auto& [name, value] : learner.parameters)
      for (const Tensor& member : optimiser->param_groups()[0].params()) {
        if (!member.is_same(value)) continue;
        auto state = std::make_unique<torch::optim::AdamParamState>();
        state->step(int64_t(number(optimiser == learner.critic.get() ? "steps/critic" : "steps/actor")) - 1);
        state->exp_avg(golden.at("before/adam/" + name + "/first").clone());
        state->exp_avg_sq(golden.at("before/adam/" + name + "/second").clone());
        optimiser->state()[c10::guts::to_string(member.unsafeGetTensorImpl())] = std::move(state);
      }
  double worst = 0;
  // The second step of an update with weight decay, which the benches have not, is left out.
  const int steps = number("config/criticWeightDecay") > 0 ? 1 : 2;
  for (int i = 0; i < steps; i++) {
    auto input = [&](const std::string& name) { return golden.at("minibatch" + std::to_string(i) + "/" + name); };
    const Batch batch{input(pixels ? "image" : "state"), input(pixels ? "nextImage" : "nextState"), input("actions"),
                      input("rewards"), input("masks"), input("nextNoise"), i == 1 ? input("noise") : Tensor(),
                      input("subset").to(torch::kLong)};
    Tensor features;
    const auto metrics = i == 0 ? learner.criticStep(batch, features) : learner.fullStep(batch);
    const Tensor wanted = golden.at("metrics" + std::to_string(i));
    const Tensor found = torch::tensor(metrics);
    worst = std::max(worst, ((found - wanted).abs() / wanted.abs().clamp_min(1)).max().item<double>());
  }
  if (steps == 2)
    for (const auto& [name, value] : learner.parameters)
      worst = std::max(worst, (value - golden.at("after/" + name)).abs().max().item<double>());
  std::cout << "{\"program\":\"libtorch " << TORCH_VERSION << "\",\"greatestDifference\":" << worst << "}" << std::endl;
  return worst < 1e-4 ? 0 : 1;
}

int main(int count, char** arguments) {
  try {
    if (count == 3 && arguments[1] == std::string("check")) return check(arguments[2]);
    if (count == 9) return bench(arguments);
    std::cerr << "run.mjs says how this is called" << std::endl;
    return 2;
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 1;
  }
}
