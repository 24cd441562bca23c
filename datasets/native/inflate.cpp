// Raw deflate streams unpacked by libdeflate: inflate(packed, target) → Promise of {bytes, crc}, on Node's own threads;
// inflateSync(packed, target) → {bytes, crc}, at once.
#include <libdeflate.h>
#include <node_api.h>

#include <memory>

namespace {

struct Stream {
  const void* packed = nullptr;
  void* target = nullptr;
  size_t packedBytes = 0, targetBytes = 0, bytes = 0;
  uint32_t crc = 0;
  // What was wrong with it, as a clause.
  const char* refusal = nullptr;
};

struct FreeDecompressor {
  void operator()(libdeflate_decompressor* one) const { libdeflate_free_decompressor(one); }
};

void unpack(Stream& stream) {
  // One a thread: making one clears its tables.
  thread_local const std::unique_ptr<libdeflate_decompressor, FreeDecompressor> decompressor(
      libdeflate_alloc_decompressor());
  if (decompressor == nullptr) {
    stream.refusal = "there is no memory to unpack it";
    return;
  }
  const libdeflate_result result =
      libdeflate_deflate_decompress(decompressor.get(), stream.packed, stream.packedBytes, stream.target,
                                    stream.targetBytes, &stream.bytes);
  if (result == LIBDEFLATE_SUCCESS)
    stream.crc = libdeflate_crc32(0, stream.target, stream.bytes);
  else
    stream.refusal = result == LIBDEFLATE_INSUFFICIENT_SPACE ? "it unpacks to more bytes than it may have"
                                                             : "it is not a whole deflate stream";
}

napi_value resultOf(napi_env env, const Stream& stream) {
  napi_value result, bytes, crc;
  napi_create_object(env, &result);
  napi_create_double(env, static_cast<double>(stream.bytes), &bytes);
  napi_create_uint32(env, stream.crc, &crc);
  napi_set_named_property(env, result, "bytes", bytes);
  napi_set_named_property(env, result, "crc", crc);
  return result;
}

bool bytesOf(napi_env env, napi_value value, void** data, size_t* length) {
  bool isTyped = false;
  napi_typedarray_type type;
  napi_value buffer;
  size_t offset;
  return napi_is_typedarray(env, value, &isTyped) == napi_ok && isTyped &&
         napi_get_typedarray_info(env, value, &type, length, data, &buffer, &offset) == napi_ok &&
         type == napi_uint8_array;
}

// False, with an error thrown, where the arguments are not packed and target.
bool readArguments(napi_env env, napi_callback_info info, napi_value arguments[2], Stream& stream) {
  size_t count = 2;
  void* packed = nullptr;
  if (napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr) != napi_ok || count != 2 ||
      !bytesOf(env, arguments[0], &packed, &stream.packedBytes) ||
      !bytesOf(env, arguments[1], &stream.target, &stream.targetBytes)) {
    napi_throw_type_error(env, nullptr, "inflate takes two Uint8Arrays");
    return false;
  }
  stream.packed = packed;
  return true;
}

napi_value inflateSync(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  Stream stream;
  if (!readArguments(env, info, arguments, stream)) return nullptr;
  unpack(stream);
  if (stream.refusal == nullptr) return resultOf(env, stream);
  napi_throw_error(env, nullptr, stream.refusal);
  return nullptr;
}

struct Job {
  Stream stream;
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
  // Keep both arrays alive while the job runs.
  napi_ref packedReference = nullptr, targetReference = nullptr;
};

void finish(napi_env env, napi_status, void* data) {
  const std::unique_ptr<Job> job(static_cast<Job*>(data));
  napi_delete_async_work(env, job->work);
  napi_delete_reference(env, job->packedReference);
  napi_delete_reference(env, job->targetReference);
  if (job->stream.refusal == nullptr) {
    napi_resolve_deferred(env, job->deferred, resultOf(env, job->stream));
    return;
  }
  napi_value message, error;
  napi_create_string_utf8(env, job->stream.refusal, NAPI_AUTO_LENGTH, &message);
  napi_create_error(env, nullptr, message, &error);
  napi_reject_deferred(env, job->deferred, error);
}

napi_value inflate(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  auto job = std::make_unique<Job>();
  if (!readArguments(env, info, arguments, job->stream)) return nullptr;
  napi_value promise, name;
  napi_create_promise(env, &job->deferred, &promise);
  napi_create_reference(env, arguments[0], 1, &job->packedReference);
  napi_create_reference(env, arguments[1], 1, &job->targetReference);
  napi_create_string_utf8(env, "inflate", NAPI_AUTO_LENGTH, &name);
  const auto run = [](napi_env, void* data) { unpack(static_cast<Job*>(data)->stream); };
  napi_create_async_work(env, nullptr, name, run, finish, job.get(), &job->work);
  napi_queue_async_work(env, job.release()->work);
  return promise;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "inflate", NAPI_AUTO_LENGTH, inflate, nullptr, &function);
  napi_set_named_property(env, exports, "inflate", function);
  napi_create_function(env, "inflateSync", NAPI_AUTO_LENGTH, inflateSync, nullptr, &function);
  napi_set_named_property(env, exports, "inflateSync", function);
  return exports;
}
