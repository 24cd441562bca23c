// Raw deflate streams unpacked by libdeflate on Node's own threads: inflate(packed, target) → Promise of {bytes, crc}.
#include <libdeflate.h>
#include <node_api.h>

#include <memory>

namespace {

struct Job {
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
  // Keep both arrays alive while the job runs.
  napi_ref packedReference = nullptr, targetReference = nullptr;
  const void* packed = nullptr;
  void* target = nullptr;
  size_t packedBytes = 0, targetBytes = 0, bytes = 0;
  uint32_t crc = 0;
  libdeflate_result result = LIBDEFLATE_BAD_DATA;
  bool hasMemory = true;
};

struct FreeDecompressor {
  void operator()(libdeflate_decompressor* one) const { libdeflate_free_decompressor(one); }
};

void unpack(napi_env, void* data) {
  Job& job = *static_cast<Job*>(data);
  // One a thread: making one clears its tables.
  thread_local const std::unique_ptr<libdeflate_decompressor, FreeDecompressor> decompressor(
      libdeflate_alloc_decompressor());
  job.hasMemory = decompressor != nullptr;
  if (!job.hasMemory) return;
  job.result = libdeflate_deflate_decompress(decompressor.get(), job.packed, job.packedBytes, job.target,
                                             job.targetBytes, &job.bytes);
  if (job.result == LIBDEFLATE_SUCCESS) job.crc = libdeflate_crc32(0, job.target, job.bytes);
}

const char* reasonOf(const Job& job) {
  if (!job.hasMemory) return "there is no memory to unpack it";
  return job.result == LIBDEFLATE_INSUFFICIENT_SPACE ? "it unpacks to more bytes than it may have"
                                                     : "it is not a whole deflate stream";
}

void finish(napi_env env, napi_status, void* data) {
  const std::unique_ptr<Job> job(static_cast<Job*>(data));
  napi_delete_async_work(env, job->work);
  napi_delete_reference(env, job->packedReference);
  napi_delete_reference(env, job->targetReference);
  if (job->result == LIBDEFLATE_SUCCESS && job->hasMemory) {
    napi_value result, bytes, crc;
    napi_create_object(env, &result);
    napi_create_double(env, static_cast<double>(job->bytes), &bytes);
    napi_create_uint32(env, job->crc, &crc);
    napi_set_named_property(env, result, "bytes", bytes);
    napi_set_named_property(env, result, "crc", crc);
    napi_resolve_deferred(env, job->deferred, result);
  } else {
    napi_value message, error;
    napi_create_string_utf8(env, reasonOf(*job), NAPI_AUTO_LENGTH, &message);
    napi_create_error(env, nullptr, message, &error);
    napi_reject_deferred(env, job->deferred, error);
  }
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

napi_value inflate(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  auto job = std::make_unique<Job>();
  void* packed = nullptr;
  if (napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr) != napi_ok || count != 2 ||
      !bytesOf(env, arguments[0], &packed, &job->packedBytes) ||
      !bytesOf(env, arguments[1], &job->target, &job->targetBytes)) {
    napi_throw_type_error(env, nullptr, "inflate takes two Uint8Arrays");
    return nullptr;
  }
  job->packed = packed;
  napi_value promise, name;
  napi_create_promise(env, &job->deferred, &promise);
  napi_create_reference(env, arguments[0], 1, &job->packedReference);
  napi_create_reference(env, arguments[1], 1, &job->targetReference);
  napi_create_string_utf8(env, "inflate", NAPI_AUTO_LENGTH, &name);
  napi_create_async_work(env, nullptr, name, unpack, finish, job.get(), &job->work);
  napi_queue_async_work(env, job.release()->work);
  return promise;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "inflate", NAPI_AUTO_LENGTH, inflate, nullptr, &function);
  napi_set_named_property(env, exports, "inflate", function);
  return exports;
}
