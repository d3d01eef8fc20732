// Interprets machines by the npm package aws-local-stepfunctions, one a line of standard input: {definition, input, name, arn}.
// Answers each with a line: {status, error, cause}. Jobs and objects are those of the server of AWS at ADDRESS.
// node local_step_functions.cjs FOLDER ADDRESS: the folder has the packages of step-functions.txt
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const { createInterface } = require('node:readline');
const { join } = require('node:path');
const { setTimeout: pause } = require('node:timers/promises');

// The package needs it, and Node has it from version 22 on.
Promise.withResolvers ??= function () {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
};
const [folder, address] = process.argv.slice(2);

// Its States.JsonMerge changes the first object, which makes a circle where the second one has it inside; that of AWS does not.
const file = require.resolve(join(folder, 'node_modules', 'aws-local-stepfunctions'));
const source = readFileSync(file, 'utf8').replace('return Object.assign(obj1, obj2)', 'return Object.assign({}, obj1, obj2)');
const mended = new Module(file, module);
mended.paths = Module._nodeModulePaths(file);
mended._compile(source, file);
const { StateMachine } = mended.exports;

class Failure extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

const inCasingOfBatch = (value) => {
  if (Array.isArray(value)) return value.map(inCasingOfBatch);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key[0].toLowerCase() + key.slice(1), inCasingOfBatch(one)]));
};

const authorized = (service) => ({
  Authorization: `AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=0`,
});

const asked = async (operation, body) => {
  const headers = { 'Content-Type': 'application/json', ...authorized('batch') };
  const options = { method: 'POST', body: JSON.stringify(body), headers };
  const answer = await fetch(`${address}/v1/${operation}`, options);
  if (!answer.ok) throw new Failure('Batch.ClientException', await answer.text());
  return answer.json();
};

const submitJob = async (parameters) => {
  const { jobId } = await asked('submitjob', inCasingOfBatch(parameters));
  for (;;) {
    const [job] = (await asked('describejobs', { jobs: [jobId] })).jobs;
    if (job.status === 'SUCCEEDED') return {};
    if (job.status === 'FAILED') throw new Failure('States.TaskFailed', JSON.stringify(job).slice(0, 500));
    await pause(50);
  }
};

const object = async (method, { Bucket, Key }) => {
  const answer = await fetch(`${address}/${Bucket}/${Key.split('/').map(encodeURIComponent).join('/')}`, { method, headers: authorized('s3') });
  if (!answer.ok) throw new Failure('S3.NoSuchKeyException', `${answer.status} ${Key}`);
  return { Body: await answer.text(), ContentLength: Number(answer.headers.get('content-length')) };
};

const ACTIONS = {
  'batch:submitJob.sync': submitJob,
  'aws-sdk:s3:getObject': (parameters) => object('GET', parameters),
  'aws-sdk:s3:headObject': (parameters) => object('HEAD', parameters),
};

const handlersOf = (states) => {
  const found = {};
  for (const [name, state] of Object.entries(states)) {
    if (state.Type === 'Task') found[name] = ACTIONS[state.Resource.split(':states:::')[1]];
    const inner = [...(state.Branches ?? []), ...(state.ItemProcessor ? [state.ItemProcessor] : [])];
    for (const { States } of inner) Object.assign(found, handlersOf(States));
  }
  return found;
};

const run = async ({ definition, input, name, arn }) => {
  const machine = new StateMachine(definition, { validationOptions: { checkPaths: false, checkArn: false } });
  const context = { Execution: { Name: name, Id: arn, Input: input } };
  const overrides = { taskResourceLocalHandlers: handlersOf(definition.States) };
  try {
    await machine.run(input, { context, overrides }).result;
    return { status: 'SUCCEEDED', error: '', cause: '' };
  } catch (error) {
    return { status: 'FAILED', error: error.name, cause: error.message };
  }
};

createInterface({ input: process.stdin }).on('line', async (line) => console.log(JSON.stringify(await run(JSON.parse(line)))));
