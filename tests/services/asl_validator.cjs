// Validates machines of the Amazon States Language, one a line of standard input; answers each with a line: a JSON list of faults.
// node asl_validator.cjs FOLDER: the folder has the packages of step-functions.txt
const { createInterface } = require('node:readline');
const { join } = require('node:path');
const validate = require(join(process.argv[2], 'node_modules', 'asl-validator'));
createInterface({ input: process.stdin }).on('line', (line) => {
  const { errors } = validate(JSON.parse(line), { checkPaths: true, checkArn: true });
  console.log(JSON.stringify(errors.map((error) => `${error['Error code']}: ${error.Message ?? error.message}`)));
});
