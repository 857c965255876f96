import { create, createFileRegistry, type DescMessage, type JsonValue } from '@bufbuild/protobuf';
import {
  FileDescriptorSetSchema,
  file_google_protobuf_field_mask,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import { expect, test } from 'vitest';
import { UpdateInvocationRequestSchema } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { decodeMessage } from './codec.ts';

const decode = <D extends DescMessage>(desc: D, json: JsonValue) =>
  decodeMessage('json', desc, Buffer.from(JSON.stringify(json)));

const MASKS: readonly [JsonValue, readonly string[]][] = [
  ['deadline', ['deadline']],
  ['', []],
  ['extendedProperties.someKey,*', ['extended_properties.some_key', '*']],
  ['tags.`a,b`,realm', ['tags.`a,b`', 'realm']],
  [{ paths: ['deadline', '*', 'no_such', ''] }, ['deadline', '*', 'no_such', '']],
  [{ paths: ['module_id', 'moduleId'] }, ['module_id', 'moduleId']],
  [{}, []],
];

test.each(MASKS)('reads the mask %j', (updateMask, paths) => {
  const request = decode(UpdateInvocationRequestSchema, { updateMask, invocation: { name: 'n' } });
  expect([request.updateMask?.paths, request.invocation?.name]).toEqual([paths, 'n']);
  const snake = decode(UpdateInvocationRequestSchema, { update_mask: updateMask });
  expect(snake.updateMask?.paths).toEqual(paths);
});

test('a mask may be null', () => {
  expect(decode(UpdateInvocationRequestSchema, { updateMask: null }).updateMask).toBe(undefined);
});

test.each<[JsonValue]>([[7], [['deadline']], [{ paths: 'deadline' }], [{ paths: [1] }]])(
  'refuses the mask %j',
  (updateMask) => {
    expect(() => decode(UpdateInvocationRequestSchema, { updateMask })).toThrow(
      'could not decode body: updateMask is no field mask',
    );
  },
);

/** `message Node { FieldMask mask = 1; Node child = 2; repeated Node list = 3; map<string, Node> map = 4; }` */
function nodeSchema(): DescMessage {
  const message = { label: Label.OPTIONAL, type: Type.MESSAGE };
  const node = { ...message, typeName: '.t.Node' };
  const entry = {
    name: 'MapEntry',
    options: { mapEntry: true },
    field: [
      { name: 'key', jsonName: 'key', number: 1, label: Label.OPTIONAL, type: Type.STRING },
      { ...node, name: 'value', jsonName: 'value', number: 2 },
    ],
  };
  const field = [
    {
      ...message,
      typeName: '.google.protobuf.FieldMask',
      name: 'mask',
      jsonName: 'mask',
      number: 1,
    },
    { ...node, name: 'child', jsonName: 'child', number: 2 },
    { ...node, name: 'list', jsonName: 'list', number: 3, label: Label.REPEATED },
    {
      ...node,
      typeName: '.t.Node.MapEntry',
      name: 'map',
      jsonName: 'map',
      number: 4,
      label: Label.REPEATED,
    },
  ];
  const file = {
    name: 't.proto',
    package: 't',
    syntax: 'proto3',
    dependency: ['google/protobuf/field_mask.proto'],
    messageType: [{ name: 'Node', field, nestedType: [entry] }],
  };
  const { proto } = file_google_protobuf_field_mask;
  const set = create(FileDescriptorSetSchema, { file: [proto, file] });
  return createFileRegistry(set).getMessage('t.Node') ?? expect.fail('there is no such message');
}

test('masks may be anywhere in a message', () => {
  const mask = { paths: ['*'] };
  const decoded = decode(nodeSchema(), {
    mask,
    child: { child: { mask } },
    list: [{}, { mask }],
    map: { key: { mask }, other: {} },
  });
  const found = { paths: ['*'] };
  expect(decoded).toMatchObject({
    mask: found,
    child: { child: { mask: found } },
    list: [{}, { mask: found }],
    map: { key: { mask: found } },
  });
});
