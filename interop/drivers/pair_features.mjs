// Every feature that a pair of client and server is tried with, one after the other; what fails leaves the others alone.
//
// A peer is what either SDK gives: {client, transport, version(transport), call(name, arguments, options), hear(what, heard)}.

const PATIENCE = 15_000;

const textOf = (result) => result.content.map((item) => item.text ?? `<${item.type}>`).join('\n');

export async function features(peer, settings) {
  const { client, transport } = peer;
  const outcome = {};
  // Tries one feature: what it returns is kept, and what it throws too.
  const attempt = async (feature, use) => {
    const { promise, reject } = Promise.withResolvers();
    const patience = setTimeout(() => reject(new Error(`nothing within ${PATIENCE / 1000} s`)), PATIENCE);
    const seen = Promise.race([use(), promise]);
    outcome[feature] = await seen.catch((error) => ({ error: String(error.message ?? error) }));
    clearTimeout(patience);
    return outcome[feature]?.error === undefined;
  };

  const isOpen = await attempt('open', async () => {
    await client.connect(transport);
    return peer.version(transport);
  });
  if (!isOpen) return outcome;
  await attempt('list', async () => (await client.listTools()).tools.map(({ name }) => name).join(' '));
  await attempt('call', async () => textOf(await peer.call(settings.call.name, settings.call.arguments)));
  await attempt('progress', async () => {
    const steps = [];
    await peer.call(settings.progress.name, settings.progress.arguments, { onprogress: ({ progress }) => steps.push(progress) });
    return steps.join(' ');
  });
  await attempt('elicitation', async () => textOf(await peer.call(settings.elicitation.name, settings.elicitation.arguments)));
  await attempt('sampling', async () => textOf(await peer.call(settings.sampling.name, settings.sampling.arguments)));
  await attempt('read', async () => (await client.readResource({ uri: settings.read })).contents[0].text);
  await attempt('prompt', async () => (await client.getPrompt({ name: settings.prompt })).messages[0].content.text);
  await attempt('changes', async () => {
    const { promise, resolve } = Promise.withResolvers();
    await peer.hear(settings.changes.of, resolve);
    await peer.call(settings.changes.name, settings.changes.arguments);
    return promise;
  });
  await transport.terminateSession?.().catch(() => {});
  await client.close();
  return outcome;
}
