"""Hugging Face transformers: a second opinion by a causal language model (option ``rescorer`` of `unspin.Restorer`).

    from unspin.integrations.transformers import CausalModel

    restorer = unspin.Restorer(rescorer=CausalModel("/models/SmolLM2-135M"))

Needs the extra ``transformers``, which brings PyTorch too.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import DataError, OptionError
from ..extras import require

_EXTRA = "transformers"
#: Texts of a batch that begin with so many tokens together have them computed once.
SHARED = 8


class CausalModel:
    """Scores texts by a causal model of transformers.

    ``model``       a folder, a GGUF file, or a name that `from_pretrained` knows; or a model already made
    ``tokenizer``   its tokenizer, as path, name or object; None: the one beside the model
    ``batch_size``  texts that are computed together
    ``device``      of PyTorch, such as "cuda"; None: where the model is, or "cpu"

    A model given by path or name is loaded at the first text to be scored; such an object pickles as the path, and every
    process has its own copy of the model. What the texts of a batch begin with is computed once, so give the readings of
    a sentence together. Only the last tokens count of a text that is longer than the model can take. Threads take turns.

    Raises MissingExtraError where transformers or PyTorch is not installed, OptionError for arguments that mean nothing,
    and DataError where the model can't be loaded, at the first text.
    """

    def __init__(
        self, model: Any, tokenizer: Any = None, *, batch_size: int = 16, device: str | None = None
    ) -> None:
        for module in ("transformers", "torch"):
            require(module, _EXTRA)
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise OptionError(f"batch_size must be a whole number from 1 up, not {batch_size!r}")
        self._named = isinstance(model, (str, Path))
        if not self._named and (tokenizer is None or isinstance(tokenizer, (str, Path))):
            raise OptionError("a model given as an object needs its tokenizer as an object too")
        self._source = (str(model), tokenizer) if self._named else (type(model).__name__, None)
        self._loaded = None if self._named else (model, tokenizer)
        self._batch_size, self._device = batch_size, device
        self._lock = threading.Lock()

    def score(self, texts: list[str], /) -> list[float]:
        """Return the log-probability of each text (natural logarithm), the model's begin token before it."""
        torch = require("torch", _EXTRA)
        with self._lock, torch.inference_mode():
            if self._loaded is None:
                self._loaded = self._load()
            model, tokenizer = self._loaded
            start = [t for t in (tokenizer.bos_token_id, tokenizer.eos_token_id) if t is not None][:1]
            most = getattr(model.config, "max_position_embeddings", None) or 1024
            rows = [(start + list(tokenizer(t, add_special_tokens=False)["input_ids"]))[-most:] for t in texts]
            out: list[float] = []
            for batch in _batches(rows, self._batch_size):
                out += self._batch(torch, model, batch)
            return out

    def _batch(self, torch: Any, model: Any, rows: list[list[int]]) -> list[float]:
        """Return the log-probability of each of *rows* of tokens, their first token given."""
        shared = _common(rows)
        past = None
        before: Any = 0.0
        if shared >= SHARED and len(rows) > 1:
            head = torch.tensor([rows[0][:shared]], device=model.device)
            past = require("transformers", _EXTRA).DynamicCache(config=model.config)
            logits = model(input_ids=head, use_cache=True, **_given(model, past)).logits
            past.batch_repeat_interleave(len(rows))
            before = _logs(torch, logits[:, :-1], head[:, 1:]).sum()
            last = logits[:, -1:].expand(len(rows), -1, -1)
        else:
            shared = 0
        width = max(max(map(len, rows)) - shared, 1)
        tokens = torch.zeros((len(rows), width), dtype=torch.long)
        mask = torch.zeros((len(rows), shared + width), dtype=torch.long)
        for k, row in enumerate(rows):
            tokens[k, : len(row) - shared] = torch.tensor(row[shared:])
            mask[k, : len(row)] = 1
        tokens, mask = tokens.to(model.device), mask.to(model.device)
        given = {} if past is None else {"use_cache": True, **_given(model, past)}
        logits = model(input_ids=tokens, attention_mask=mask, **given).logits
        if past is None:
            logs = _logs(torch, logits[:, :-1], tokens[:, 1:]) * mask[:, 1:]
        else:
            logs = _logs(torch, torch.cat([last, logits[:, :-1]], dim=1), tokens) * mask[:, shared:]
        sums: list[float] = (before + logs.sum(dim=1)).tolist()
        return sums

    def _load(self) -> tuple[Any, Any]:
        transformers, torch = require("transformers", _EXTRA), require("torch", _EXTRA)
        name, tokenizer = self._source
        options: dict[str, Any] = {}
        if name.endswith(".gguf"):
            require("gguf", _EXTRA)
            options["gguf_file"] = Path(name).name
            name = str(Path(name).parent)
        try:
            model = transformers.AutoModelForCausalLM.from_pretrained(name, **options)
            if tokenizer is None or isinstance(tokenizer, (str, Path)):
                own = {} if tokenizer is not None else options
                tokenizer = transformers.AutoTokenizer.from_pretrained(str(tokenizer or name), **own)
        except (OSError, ValueError) as error:
            raise DataError(f"{self._source[0]}: {error}") from error
        if self._device is not None:
            model = model.to(self._device)
        elif model.dtype in (torch.float16, torch.bfloat16) and model.device.type == "cpu":
            # Half precision is slower there, and near-ties need all digits.
            model = model.float()
        return model.eval(), tokenizer

    def __getstate__(self) -> dict[str, Any]:
        if not self._named:
            raise TypeError("a model given as an object can't be sent to another process; give its path")
        return {k: v for k, v in self.__dict__.items() if k not in ("_lock", "_loaded")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock(), _loaded=None)

    def __repr__(self) -> str:
        return f"CausalModel({self._source[0]!r})"


def _batches(rows: list[list[int]], most: int) -> Iterator[list[list[int]]]:
    """Yield *rows* in order, at most *most* together; those that begin alike are not mixed with others.

    >>> same = list(range(SHARED))
    >>> [len(b) for b in _batches([[4], [*same, 1], [*same, 2], [*same, 3], [5], [6, 7]], 16)]
    [1, 3, 2]
    """
    begin = 0
    while begin < len(rows):
        stop = begin + 1
        alike = stop < len(rows) and _common(rows[begin : stop + 1]) >= SHARED
        while stop < min(len(rows), begin + most):
            if alike and _common([rows[begin], rows[stop]]) < SHARED:
                break
            if not alike and stop + 1 < len(rows) and _common(rows[stop : stop + 2]) >= SHARED:
                break
            stop += 1
        yield rows[begin:stop]
        begin = stop


def _given(model: Any, cache: Any) -> dict[str, Any]:
    """Return the keyword argument by which *model* takes a cache; its name has changed with the versions."""
    names = inspect.signature(model.forward).parameters
    return {"cache" if "cache" in names else "past_key_values": cache}


def _common(rows: list[list[int]]) -> int:
    """Return with how many tokens all of *rows* begin, one less than the shortest has at most.

    >>> _common([[1, 2, 3], [1, 2, 4, 5]]), _common([[1, 2], [1, 2]])
    (2, 1)
    """
    least, most = min(rows), max(rows)
    shared = next((k for k, (a, b) in enumerate(zip(least, most)) if a != b), min(len(least), len(most)))
    return min(shared, min(map(len, rows)) - 1)


def _logs(torch: Any, logits: Any, targets: Any) -> Any:
    """Return the log-probability of *targets* (batch × tokens) under *logits* (batch × tokens × vocabulary)."""
    logits = logits.float()
    return logits.gather(2, targets[:, :, None])[:, :, 0] - logits.logsumexp(2)
