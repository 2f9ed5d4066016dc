"""Deployments that the tests of the performance law ask about; figures from data sheets and published configs."""

from rorqual_engine.sizing.performance import Accelerator, Load, Setting, Shape

H100 = Accelerator("H100", 989, 1979, 1979, 3350, 80, 450)
H200 = Accelerator("H200", 989, 1979, 1979, 4800, 141, 450)
B200 = Accelerator("B200", 2250, 4500, 9000, 7700, 180, 900)
LLAMA_8B = Shape("8B", 8.03e9, 32, 4096, 32, 8, 128, 128256)
LLAMA_70B = Shape("70B", 70.55e9, 80, 8192, 64, 8, 128, 128256)
QWEN_235B = Shape("235B", 235.1e9, 94, 4096, 64, 4, 128, 151936, 128, 8, 1536, 94)
DEEPSEEK = Shape("DeepSeek", 671e9, 61, 7168, 128, 128, 160, 129280, 256, 8, 2048, 58, 576)
GPT_OSS = Shape("gpt-oss", 116.8e9, 36, 2880, 64, 8, 64, 201088, 128, 4, 2880, 36, full_layers=18, window_tokens=128)

GOLDEN = {
    "8B on H100": Setting(LLAMA_8B, H100),
    "8B in fp8": Setting(LLAMA_8B, H100, "fp8"),
    "70B on two H200": Setting(LLAMA_70B, H200, "fp8", tensor_parallel=2),
    "70B on two H200, SGLang": Setting(LLAMA_70B, H200, "fp8", "sglang", tensor_parallel=2),
    "235B, experts spread": Setting(QWEN_235B, H200, "fp8", "trtllm", tensor_parallel=4, expert_parallel=4),
    "DeepSeek on eight B200": Setting(DEEPSEEK, B200, "fp4", "sglang", tensor_parallel=8),
    "DeepSeek, attention repeated": Setting(DEEPSEEK, B200, "fp8", "trtllm", data_parallel=8, expert_parallel=8),
    "gpt-oss": Setting(GPT_OSS, B200, "fp4", "trtllm"),
}
LOADS = (Load(1, 128, 128), Load(16, 1024, 1024), Load(128, 8192, 512))
