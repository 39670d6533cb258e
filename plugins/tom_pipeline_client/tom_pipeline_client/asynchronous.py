"""The client for code that awaits: the same methods under the same names."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import anyio
import httpx

from tom_pipeline_client import calls, downloads
from tom_pipeline_client.calls import Call
from tom_pipeline_client.client import TIMEOUT, TRIES
from tom_pipeline_client.errors import NotFound, ProcessFailed, Unreachable, raise_for_problem
from tom_pipeline_client.progress import watching
from tom_pipeline_client.records import LogLine, Pipeline, ProcessRecord
from tom_pipeline_client.tables import photometry_table


class AsyncClient:
    """As :class:`tom_pipeline_client.Client`, to be awaited."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout: float = TIMEOUT,
        tries: int = TRIES,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = calls.api_root(url)
        self.tries = tries
        self._http = httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Token {token}", "Accept": "application/json"},
            timeout=timeout,
            transport=transport,
            follow_redirects=False,  # the token goes nowhere else
        )

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, call: Call) -> httpx.Response:
        """Send a request, again where that is safe and no answer came."""
        for attempt in range(1, self.tries + 1):
            response: httpx.Response | None = None
            try:
                response = await self._http.request(
                    call.method,
                    call.path,
                    params=call.params,
                    json=call.json,
                    headers=dict(call.headers),
                )
            except httpx.TransportError as error:
                if attempt == self.tries or not call.repeatable:
                    raise Unreachable(f"{self.url} does not answer: {error!r}") from error
            if response is not None and (
                response.status_code not in calls.AGAIN or attempt == self.tries
            ):
                raise_for_problem(response)
                return response
            await anyio.sleep(calls.pause_before_retry(attempt, response))
        raise Unreachable(f"{self.url} was not asked: tries is {self.tries}")

    async def _rows(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        page: Call | None = call
        while page is not None:
            body = (await self.send(page)).json()
            for row in body["results"]:
                yield row
            page = calls.next_page(page, body)

    async def pipelines(self) -> list[Pipeline]:
        """List the pipelines that may be chosen."""
        return [Pipeline.read(row) for row in (await self.send(calls.get("available/"))).json()]

    async def pipeline(self, name: str) -> Pipeline:
        """Return a pipeline with the JSON Schema of its parameters."""
        response = await self.send(calls.get(f"available/{calls.quoted(name)}/"))
        return Pipeline.read(response.json())

    async def target(self, name: str) -> int:
        """Return the number of a target."""
        found = [row async for row in self._rows(calls.pages("targets/", name=name))]
        if len(found) != 1:
            raise NotFound(calls.not_one_target(name, found), status=404)
        return int(found[0]["id"])

    async def inputs(self, target: int | str, **conditions: Any) -> AsyncIterator[dict[str, Any]]:
        """List the files of a target."""
        number = await self._number(target)
        async for row in self._rows(calls.pages("inputs/", target=number, **conditions)):
            yield row

    async def processes(self, **filters: Any) -> AsyncIterator[AsyncProcess]:
        """List processes, newest first."""
        async for row in self._rows(calls.pages("processes/", **filters)):
            yield AsyncProcess(self, row)

    async def process(self, pk: int) -> AsyncProcess:
        """Return a process."""
        return AsyncProcess(self, (await self.send(calls.get(f"processes/{int(pk)}/"))).json())

    async def check(
        self,
        pipeline: str,
        *,
        target: int | str,
        products: Sequence[int] | None = None,
        match: Mapping[str, str] | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return whether a submission would be accepted, and why not; nothing is made."""
        call = calls.check(pipeline, await self._number(target), products, match, parameters)
        return dict((await self.send(call)).json())

    async def submit(
        self,
        pipeline: str,
        *,
        target: int | str,
        products: Sequence[int] | None = None,
        match: Mapping[str, str] | None = None,
        parameters: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> AsyncProcess:
        """Submit a process."""
        number = await self._number(target)
        call = calls.submit(pipeline, number, products, match, parameters, key)
        return AsyncProcess(self, (await self.send(call)).json())

    async def _number(self, target: int | str) -> int:
        return target if isinstance(target, int) else await self.target(target)


class AsyncProcess(ProcessRecord):
    """As :class:`tom_pipeline_client.Process`, to be awaited."""

    def __init__(self, client: AsyncClient, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        self._client = client
        self._tag = ""

    @property
    def _path(self) -> str:
        return f"processes/{self.id}/"

    async def refresh(self) -> bool:
        """Ask for news; returns whether there were any."""
        response = await self._client.send(calls.get(self._path, tag=self._tag))
        if response.status_code == httpx.codes.NOT_MODIFIED:
            return False
        self._tag = response.headers.get("ETag", "")
        self.data = response.json()
        return True

    async def wait(
        self, *, progress: bool = False, timeout: float | None = None, check: bool = True
    ) -> AsyncProcess:
        """Wait until the process has ended."""
        deadline = None if timeout is None else time.monotonic() + timeout
        quiet = 0
        with watching(progress) as shown:
            shown(self)
            while not self.ended:
                pause = calls.poll_pause(quiet)
                if deadline is not None:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        raise TimeoutError(f"{self!r} has not ended after {timeout:g} seconds.")
                    pause = min(pause, left)
                await anyio.sleep(pause)
                quiet = 0 if await self.refresh() else quiet + 1
                shown(self)
        if check and self.state != "succeeded":
            raise ProcessFailed(self)
        return self

    async def log(self, after: int = 0) -> AsyncIterator[LogLine]:
        """Read the log as far as it goes, from behind line ``after``."""
        more = True
        while more:
            part = (await self._client.send(calls.get(f"{self._path}log/", after=after))).json()
            for line in part["lines"]:
                yield LogLine.read(line)
            after, more = part["after"], part["more"]

    async def cancel(self) -> None:
        """Cancel it."""
        self.data = (await self._client.send(calls.cancel(self.id))).json()
        self._tag = ""

    async def run_again(self, *, key: str | None = None, **changes: Any) -> AsyncProcess:
        """Run the same again; ``changes`` are parameters, None for a default."""
        response = await self._client.send(calls.run_again(self.id, changes, key))
        return AsyncProcess(self._client, response.json())

    async def outputs(self) -> list[dict[str, Any]]:
        """List what it saved."""
        return list((await self._client.send(calls.get(f"{self._path}outputs/"))).json())

    async def download(self, output: Mapping[str, Any], path: str | Path | None = None) -> Path:
        """Download one of :meth:`outputs`, in pieces; one that broke off is gone on with."""
        partial = downloads.PartialFile(downloads.destination(path, str(output["name"])), output)
        address = f"{self._path}outputs/{int(output['id'])}/download/"
        for attempt in range(1, self._client.tries + 1):
            headers = {**partial.headers(), "Accept": "*/*", "Accept-Encoding": "identity"}
            try:
                async with self._client._http.stream("GET", address, headers=headers) as response:
                    if response.status_code >= httpx.codes.BAD_REQUEST:
                        await response.aread()
                        if response.status_code != httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                            raise_for_problem(response)
                    else:
                        with partial.open(response.status_code) as stream:
                            async for chunk in response.aiter_raw():
                                stream.write(chunk)
                return partial.finish()
            except httpx.TransportError as error:
                if attempt == self._client.tries:
                    raise Unreachable(f"The download broke off: {error!r}") from error
                await anyio.sleep(calls.pause_before_retry(attempt, None))
        raise Unreachable(f"{address} was not asked for: tries is {self._client.tries}")

    async def photometry(self) -> Any:
        """Return the points it saved as an astropy table; as dictionaries without astropy."""
        return photometry_table(await self._part("photometry"))

    async def inputs(self) -> list[dict[str, Any]]:
        """List the files it was given, and what became of each."""
        return await self._part("inputs")

    async def history(self) -> list[dict[str, Any]]:
        """List moves, steps and requests, with who and by which way."""
        return await self._part("events")

    async def measurements(self) -> list[dict[str, Any]]:
        """List the quality numbers."""
        return await self._part("measurements")

    async def _part(self, name: str) -> list[dict[str, Any]]:
        return [row async for row in self._client._rows(calls.pages(f"{self._path}{name}/"))]
